import { steadyTime, type Clock } from '../../../runtime/contract/time.js'

const SECOND_MS = 1000

/** Lets so many records a second through, evenly; after a stall it catches up by one second's worth, not more. */
export class Pace {
  private readonly perMs: number
  private readonly clock: Clock
  private startMs: number
  private taken = 0
  private waiting: { readonly promise: Promise<void>; readonly wake: () => void } | undefined

  constructor(ratePerSecond: number, clock: Clock) {
    this.perMs = ratePerSecond / SECOND_MS
    this.clock = clock
    this.startMs = steadyTime(clock)
  }

  /** How many of `max` may go now; they count as gone. */
  take(max: number): number {
    const now = steadyTime(this.clock)
    const burst = Math.max(1, this.perMs * SECOND_MS)
    let due = this.dueAt(now)
    if (due > burst) {
      this.startMs = now
      this.taken = 0
      due = Math.floor(burst)
      this.taken = 1 - due
    }
    const most = Math.max(0, Math.min(max, due))
    this.taken += most
    return most
  }

  /** Resolves when the next record may go. */
  due(): Promise<void> {
    if (this.waiting !== undefined) return this.waiting.promise
    const now = steadyTime(this.clock)
    if (this.dueAt(now) > 0) return Promise.resolve()
    const delayMs = Math.max(1, Math.ceil(this.taken / this.perMs - (now - this.startMs)))
    const { promise, resolve } = withResolvers()
    const cancel = this.clock.setTimeout(() => this.wake(), delayMs)
    this.waiting = {
      promise,
      wake: () => {
        cancel()
        resolve()
      },
    }
    return promise
  }

  /** Wakes who waits. */
  close(): void {
    this.wake()
  }

  private dueAt(now: number): number {
    return Math.floor((now - this.startMs) * this.perMs) + 1 - this.taken
  }

  private wake(): void {
    const { waiting } = this
    this.waiting = undefined
    waiting?.wake()
  }
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
