/** Times are epoch milliseconds. A record without an event time carries this one. */
export const NO_TIMESTAMP: number = -Infinity
/** The watermark before the first one. */
export const MIN_WATERMARK: number = -Infinity
/** The watermark at the end of a bounded input: every event timer fires. */
export const MAX_WATERMARK: number = Infinity

/** The only way to the clock: threads read the real one, the simulator a virtual one. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Calls back once after `delayMs`; the result cancels it. */
  setTimeout(callback: () => void, delayMs: number): () => void
}
