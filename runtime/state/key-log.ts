/** A list of row keys in one buffer: four bytes more than each key. */
export class KeyLog {
  /** Keys that have not been read. */
  count = 0
  #bytes = new Uint8Array(256)
  #end = 0
  #read = 0

  add(rowKey: Uint8Array): void {
    const needed = this.#end + 4 + rowKey.length
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    new DataView(this.#bytes.buffer).setUint32(this.#end, rowKey.length)
    this.#bytes.set(rowKey, this.#end + 4)
    this.#end = needed
    this.count++
  }

  /** Up to `limit` keys, copied, in the order they were added. */
  read(limit: number): Uint8Array[] {
    const keys: Uint8Array[] = []
    const view = new DataView(this.#bytes.buffer)
    while (keys.length < limit && this.count > 0) {
      const from = this.#read + 4
      const to = from + view.getUint32(this.#read)
      keys.push(this.#bytes.slice(from, to))
      this.#read = to
      this.count--
    }
    return keys
  }

  /** Adds all keys of `other`, read or not. */
  addAll(other: KeyLog): void {
    other.rewind()
    for (const key of other.read(other.count)) this.add(key)
  }

  /** Reading begins again. */
  rewind(): void {
    const view = new DataView(this.#bytes.buffer)
    this.count = 0
    this.#read = 0
    for (let at = 0; at < this.#end; at += 4 + view.getUint32(at)) this.count++
  }

  clear(): void {
    this.#end = 0
    this.#read = 0
    this.count = 0
    if (this.#bytes.length > 4096) this.#bytes = new Uint8Array(256)
  }
}
