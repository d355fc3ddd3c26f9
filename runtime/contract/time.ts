/** Times are epoch milliseconds. A record without an event time carries this one. */
export const NO_TIMESTAMP: number = -Infinity
/** The watermark before the first one. */
export const MIN_WATERMARK: number = -Infinity
/** The watermark at the end of a bounded input: every event timer fires. */
export const MAX_WATERMARK: number = Infinity

/** The only way to the clock: threads read the real one, the simulator a virtual one. */
export interface Clock {
  /** Epoch milliseconds, as the machine's clock is set: it may jump either way. */
  now(): number
  /** Milliseconds from some moment, which nobody sets: see {@link steadyTime}. Absent: `now` never jumps. */
  steady?(): number
  /** Calls back once after `delayMs`; the result cancels it. */
  setTimeout(callback: () => void, delayMs: number): () => void
}

/** For how long something takes: only differences mean anything, and setting the machine's clock does not change them. */
export function steadyTime(clock: Clock): number {
  return clock.steady === undefined ? clock.now() : clock.steady()
}
