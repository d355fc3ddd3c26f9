/** A binary min-heap of numbers, each with a number that goes along. */
export class NumberHeap {
  readonly #keys: number[] = []
  readonly #payloads: number[] = []

  get size(): number {
    return this.#keys.length
  }

  /** The smallest key; Infinity when empty. */
  get min(): number {
    return this.#keys.length === 0 ? Infinity : this.#keys[0]!
  }

  /** What goes along with {@link min}. */
  get minPayload(): number {
    return this.#payloads[0]!
  }

  push(key: number, payload: number): void {
    const keys = this.#keys
    const payloads = this.#payloads
    let at = keys.length
    keys.push(key)
    payloads.push(payload)
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (keys[parent]! <= key) break
      keys[at] = keys[parent]!
      payloads[at] = payloads[parent]!
      at = parent
    }
    keys[at] = key
    payloads[at] = payload
  }

  /** Removes the smallest. */
  pop(): void {
    const keys = this.#keys
    const payloads = this.#payloads
    const key = keys.pop()!
    const payload = payloads.pop()!
    const size = keys.length
    if (size === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && keys[child + 1]! < keys[child]!) child++
      if (keys[child]! >= key) break
      keys[at] = keys[child]!
      payloads[at] = payloads[child]!
      at = child
    }
    keys[at] = key
    payloads[at] = payload
  }
}
