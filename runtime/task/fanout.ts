import type { Output } from '../contract/output.js'

const NOWHERE: Output<unknown> = { emit: () => {} }

class Fanout implements Output<unknown> {
  private readonly targets: readonly Output<unknown>[]

  constructor(targets: readonly Output<unknown>[]) {
    this.targets = targets
  }

  emit(value: unknown, timestamp: number): void {
    for (let i = 0; i < this.targets.length; i++) this.targets[i]!.emit(value, timestamp)
  }
}

/** One output that reaches all targets; a single target is returned as it is, so that a chain is a chain of direct calls. */
export function fanout(targets: readonly Output<unknown>[]): Output<unknown> {
  if (targets.length === 0) return NOWHERE
  return targets.length === 1 ? targets[0]! : new Fanout(targets)
}
