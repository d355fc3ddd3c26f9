/**
 * Watermark alignment across the readers of a source, without the main thread: each source subtask publishes its watermark in shared
 * memory and may run ahead of the slowest by at most the drift. One 64-bit word per (source, subtask); whole milliseconds.
 */
import { DRIFT_LOWEST as LOWEST } from '../exchange/shared-layout.js'

const HIGHEST = 2n ** 62n

/** Slot thread: the words of one source. */
export class DriftTable {
  private readonly words: BigInt64Array
  private readonly own: number

  constructor(buffer: SharedArrayBuffer, source: number, parallelism: number, subtask: number) {
    this.words = new BigInt64Array(buffer, source * parallelism * 8, parallelism)
    this.own = subtask
  }

  publish(watermark: number): void {
    const word = watermark === Infinity ? HIGHEST : watermark === -Infinity ? LOWEST : BigInt(Math.floor(watermark))
    Atomics.store(this.words, this.own, word)
  }

  /** The slowest other subtask's watermark; +Infinity when there is none. */
  slowestOther(): number {
    let min = HIGHEST
    for (let s = 0; s < this.words.length; s++) {
      if (s === this.own) continue
      const word = Atomics.load(this.words, s)
      if (word < min) min = word
    }
    return min === HIGHEST ? Infinity : min === LOWEST ? -Infinity : Number(min)
  }
}
