import type { Clock } from '../../../runtime/contract/time.js'

/** Timers that can be cancelled together. */
export class Timers {
  private readonly clock: Clock
  private readonly pending = new Set<() => void>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Calls back once after so many milliseconds. */
  after(delayMs: number, callback: () => void): void {
    const cancel = this.clock.setTimeout(() => {
      this.pending.delete(cancel)
      callback()
    }, delayMs)
    this.pending.add(cancel)
  }

  cancelAll(): void {
    for (const cancel of this.pending) cancel()
    this.pending.clear()
  }
}
