import type { SerializedError } from '../contract/errors.js'
import type { CounterTotals } from '../coordinator/draft.js'
import type { JobEvents } from '../coordinator/events.js'
import type { CheckpointView, FailedCheckpointView } from './job-control.js'

/** How many of each are kept. */
const KEPT = 50

/** Remembers what a running job told. Bounded. Main thread. */
export class JobWatch {
  attempt: number = 0
  counters: CounterTotals = {}
  watermark: number = -Infinity
  restoredFrom: string | undefined
  readonly completed: History<CheckpointView> = new History()
  readonly failed: History<FailedCheckpointView> = new History()
  private readonly now: () => number
  private readonly redact: (error: SerializedError) => SerializedError

  /** `redact` takes secrets out of errors. */
  constructor(now: () => number, redact: (error: SerializedError) => SerializedError) {
    this.now = now
    this.redact = redact
  }

  /** What the coordinator is to be given instead of `events`. */
  observe(events: JobEvents): JobEvents {
    const { now } = this
    return {
      print: (line) => events.print(line),
      warn: (uid, message) => events.warn(uid, message),
      ...(events.figures === undefined ? {} : { figures: (info) => events.figures?.(info) }),
      progress: (info) => {
        this.counters = info.counters
        this.watermark = info.watermark
        events.progress(info)
      },
      started: (info) => {
        if (info.attempt === 1) this.restoredFrom = info.from
        this.attempt = info.attempt
        events.started(info)
      },
      checkpoint: (info) => {
        const { checkpointId: id, reason, durationMs, writtenBytes, stateBytes, inFlightBytes, path } = info
        const aligned = inFlightBytes === 0
        const bytes = { writtenBytes, stateBytes, inFlightBytes }
        this.completed.add({ id, reason, aligned, completedAtMs: now(), durationMs, ...bytes, path })
        events.checkpoint(info)
      },
      checkpointFailed: (info) => {
        const reason = this.redact({ code: 'MILLRACE_CHECKPOINT', message: info.reason }).message
        this.failed.add({ id: info.checkpointId, failedAtMs: now(), reason })
        events.checkpointFailed(info)
      },
      failed: (failure, restartInMs) => events.failed(failure, restartInMs),
    }
  }
}

/** The last of many. */
class History<T> {
  total: number = 0
  recent: readonly T[] = []

  add(entry: T): void {
    this.total++
    this.recent = [...this.recent.slice(1 - KEPT), entry]
  }
}
