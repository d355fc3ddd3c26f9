/** A growing list of entry ids: four bytes each, nothing for the garbage collector. */
export class IdList {
  length = 0
  #ids = new Uint32Array(16)

  at(index: number): number {
    return this.#ids[index]!
  }

  push(id: number): void {
    if (this.length === this.#ids.length) {
      const grown = new Uint32Array(2 * this.length)
      grown.set(this.#ids)
      this.#ids = grown
    }
    this.#ids[this.length++] = id
  }

  /** The last id, taken off. Undefined length is the caller's to check. */
  pop(): number {
    return this.#ids[--this.length]!
  }

  clear(): void {
    this.length = 0
    if (this.#ids.length > 1024) this.#ids = new Uint32Array(16)
  }

  /** Takes all ids of `other`, which is empty then. */
  takeAll(other: IdList): void {
    if (this.length === 0) {
      const ids = this.#ids
      this.#ids = other.#ids
      this.length = other.length
      other.#ids = ids
      other.length = 0
    } else while (other.length > 0) this.push(other.pop())
  }

  /** Makes ids [from, to) ascend: the order in which entries lie in memory. */
  sort(from: number, to: number): void {
    this.#ids.subarray(from, Math.min(to, this.length)).sort()
  }

  /** Sorts, drops repeated ids and those that `keep` refuses. */
  retain(keep: (id: number) => boolean): void {
    const sorted = this.#ids.subarray(0, this.length).sort()
    let length = 0
    for (let i = 0; i < sorted.length; i++) {
      const id = sorted[i]!
      if ((length === 0 || sorted[length - 1] !== id) && keep(id)) sorted[length++] = id
    }
    this.length = length
  }
}
