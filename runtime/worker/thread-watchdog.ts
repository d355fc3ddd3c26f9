/**
 * Invariant: a slot's thread that has not run its event loop for `timeoutMs` of the main thread's own time has its attempt failed, once.
 * Time is counted in the main thread's ticks: what stops the process as a whole (a signal, a sleeping machine), or a clock that jumps,
 * counts as nothing.
 */
import { MillraceError } from '../contract/errors.js'
import { OperatorFailure } from '../contract/operator-failure.js'
import { beatsOf, threadOf } from './pulse-protocol.js'
import { placeOfThread, type ThreadPlace } from './thread-place.js'

const TICK_MS = 500
/** When it is said, without consequences, that a function takes its time. */
const NOTICE_MS = 5000

/** What the watchdog of an attempt watches. */
export interface WatchdogOptions {
  readonly pulse: SharedArrayBuffer
  readonly slots: number
  readonly timeoutMs: number
  /** `uid` is `undefined` where it is not known which operator it is about. */
  readonly warn: (uid: string | undefined, message: string) => void
  /** The slot's thread does not come back. */
  readonly stuck: (slot: number, error: MillraceError) => void
}

interface Watched {
  beats: number
  silentMs: number
  /** The warning, once it is on its way. */
  noticed: Promise<void> | undefined
}

/** Watches the threads of one attempt until it is closed. Main thread. */
export class ThreadWatchdog {
  private readonly options: WatchdogOptions
  private readonly slots: Watched[]
  private readonly timer: NodeJS.Timeout
  private lastTickMs = performance.now()

  constructor(options: WatchdogOptions) {
    this.options = options
    this.slots = Array.from({ length: options.slots }, () => ({ beats: 0, silentMs: 0, noticed: undefined }))
    this.timer = setInterval(() => this.tick(), TICK_MS)
  }

  close(): void {
    clearInterval(this.timer)
  }

  /** The slot's thread has ended, or is about to. */
  forget(slot: number): void {
    this.slots[slot]!.beats = Infinity
  }

  private tick(): void {
    const now = performance.now()
    const passedMs = now - this.lastTickMs
    this.lastTickMs = now
    // The whole process was stopped, or this thread held up: the others may not have had a turn either.
    if (passedMs > 2 * TICK_MS) return
    this.slots.forEach((watched, slot) => this.look(watched, slot, passedMs))
  }

  private look(watched: Watched, slot: number, passedMs: number): void {
    const { pulse, timeoutMs } = this.options
    const beats = beatsOf(pulse, slot)
    if (watched.beats === Infinity || beats === 0) return
    if (beats !== watched.beats) {
      watched.beats = beats
      watched.silentMs = 0
      watched.noticed = undefined
      return
    }
    watched.silentMs += passedMs
    if (watched.silentMs >= timeoutMs) {
      this.forget(slot)
      void this.fail(slot, watched.noticed)
    } else if (watched.silentMs >= Math.min(NOTICE_MS, timeoutMs / 2) && watched.noticed === undefined) {
      watched.noticed = this.notice(slot, Math.round(watched.silentMs / 1000))
    }
  }

  private async notice(slot: number, seconds: number): Promise<void> {
    const { uid, at } = await this.place(slot)
    const where = at === undefined ? '' : `, at ${at}`
    this.options.warn(uid, `slot ${slot} has done nothing else for ${seconds} s${where}`)
  }

  /** One conversation with a thread at a time. */
  private async fail(slot: number, noticed: Promise<void> | undefined): Promise<void> {
    await noticed
    const { uid, at } = await this.place(slot)
    const { timeoutMs, stuck } = this.options
    const what = `did not come back within ${timeoutMs} ms; its thread (slot ${slot}) was ended`
    const hint =
      'is there a loop that never ends? work that takes so long needs a longer --watchdog-timeout, or asyncMap'
    if (uid === undefined) {
      const message = `a function of the job ${what}`
      return stuck(slot, new MillraceError('MILLRACE_WATCHDOG', message, { hint, ...(at === undefined ? {} : { at }) }))
    }
    const message = `operator "${uid}": its function ${what}`
    stuck(slot, new OperatorFailure('MILLRACE_WATCHDOG', uid, message, at, hint, undefined))
  }

  private place(slot: number): Promise<ThreadPlace> {
    return placeOfThread(threadOf(this.options.pulse, slot))
  }
}
