import { outputTag, type OutputTag, type ProcessContext } from 'millrace'
import type { TrackedBeacon } from './tracked-beacon.js'

/** What a line of either input format says, as far as sessions are concerned. */
export interface Visit {
  readonly visitor: string
  /** Epoch milliseconds. */
  readonly time: number
  readonly userAgent: string
  /** Which page impression it tells of; the empty text where each line is one of its own; undefined where it tells of none. */
  readonly page: string | undefined
  /** The line as it came. */
  readonly line: string
  /** All that a beacon says; only where rows of page impressions are wanted. */
  readonly beacon?: TrackedBeacon
}

/** A page impression, or one of several beacons about it. */
export interface Impression {
  readonly visitor: string
  readonly time: number
  readonly page: string
}

/** Lines of programs that read pages by themselves. */
export const bots: OutputTag<string> = outputTag('bots')
/** Lines of page impressions that are older than the input's bound. */
export const late: OutputTag<string> = outputTag('late')
/** Beacons of people, events too, in time: what rows of page impressions are made of. */
export const beacons: OutputTag<TrackedBeacon> = outputTag('beacons')

/**
 * Keeps page impressions; bots and late ones go to side outputs, the rest is counted (`otherRequests`).
 *
 * A session takes in whatever touches it, so one that has fired must not get another record: it would be a second session beside the
 * first. That is why lateness is judged here, for each record, and not by the windows, for each session. The watermark that comes
 * here allows for one millisecond more than the bound: everything that passes is behind all sessions that have fired, and everything
 * within the bound passes, a record exactly on it too.
 *
 *     fired session ends <= watermark + 1 | late up to here | passes from watermark + 2 = newest - bound on
 */
export function keepImpressions(options: {
  keepLate: boolean
}): (visit: Visit, isBot: boolean, ctx: ProcessContext<Impression>) => void {
  return (visit, isBot, ctx) => {
    const { visitor, time, page, beacon } = visit
    if (isBot) {
      ctx.metrics.counter('bots').inc()
      ctx.output(bots, visit.line)
    } else if (page === undefined && beacon === undefined) {
      ctx.metrics.counter('otherRequests').inc()
    } else if (time > ctx.watermark + 1) {
      if (page === undefined) ctx.metrics.counter('otherRequests').inc()
      else ctx.emit({ visitor, time, page })
      if (beacon !== undefined) ctx.output(beacons, beacon)
    } else if (options.keepLate) {
      ctx.output(late, visit.line)
    } else {
      ctx.metrics.counter('numLateRecordsDropped').inc()
    }
  }
}
