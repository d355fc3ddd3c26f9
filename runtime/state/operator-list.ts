import type { ListState } from '../contract/state.js'
import type { OperatorStateCell } from './operator-state-cell.js'

/** Operator state of mode `split` or `union`. The array is copied before it grows if anybody else has it. */
export class OperatorList<T> implements ListState<T>, OperatorStateCell {
  changes = 0
  #elements: T[]
  #shared = false

  constructor(restored: readonly T[]) {
    this.#elements = [...restored]
  }

  get size(): number {
    return this.#elements.length
  }

  get(): readonly T[] {
    this.#shared = true
    return this.#elements
  }

  add(value: T): void {
    this.changes++
    if (this.#shared) this.update([...this.#elements, value])
    else this.#elements.push(value)
  }

  update(values: readonly T[]): void {
    this.changes++
    this.#elements = [...values]
    this.#shared = false
  }

  clear(): void {
    if (this.#elements.length > 0) this.update([])
  }

  freeze(): Iterable<T> {
    return this.get()
  }
}
