import { MillraceError } from '../../runtime/contract/errors.js'
import { durationMs, positiveDurationMs, type Duration } from '../api/duration.js'

/** Event-time windows of `sizeMs`, one after the other; see {@link tumbling}. */
export interface TumblingWindows {
  readonly kind: 'tumbling'
  readonly sizeMs: number
  readonly offsetMs: number
}

/** Event-time windows of `sizeMs`, one starting every `slideMs`; see {@link sliding}. */
export interface SlidingWindows {
  readonly kind: 'sliding'
  readonly sizeMs: number
  readonly slideMs: number
  readonly offsetMs: number
}

/** Event-time windows that grow as long as records are close together; see {@link session}. */
export interface SessionWindows {
  readonly kind: 'session'
  readonly gapMs: number
}

/** Which windows a record goes to. */
export type WindowAssigner = TumblingWindows | SlidingWindows | SessionWindows

/** A window of event time, epoch milliseconds, from `start` up to but not including `end`. */
export interface Window {
  readonly start: number
  readonly end: number
}

/** Windows `[n * size + offset, (n + 1) * size + offset)` since the epoch, UTC. Flink: `TumblingEventTimeWindows`. */
export function tumbling(size: Duration, offset: Duration = 0): TumblingWindows {
  const sizeMs = positiveDurationMs(size, 'size of tumbling()')
  return { kind: 'tumbling', sizeMs, offsetMs: offsetBelow(offset, sizeMs, 'offset of tumbling()') }
}

/**
 * Windows `[n * slide + offset, n * slide + offset + size)`: a record is in each of those around it; in none, if it falls between them
 * because the slide is longer than the size. Flink: `SlidingEventTimeWindows`.
 */
export function sliding(size: Duration, slide: Duration, offset: Duration = 0): SlidingWindows {
  const sizeMs = positiveDurationMs(size, 'size of sliding()')
  const slideMs = positiveDurationMs(slide, 'slide of sliding()')
  return { kind: 'sliding', sizeMs, slideMs, offsetMs: offsetBelow(offset, slideMs, 'offset of sliding()') }
}

/** Each record's window is `[t, t + gap)`; windows of a key that overlap or touch are one. Flink: `EventTimeSessionWindows`. */
export function session(gap: Duration): SessionWindows {
  return { kind: 'session', gapMs: positiveDurationMs(gap, 'gap of session()') }
}

/** The assigner as part of a state's fingerprint. */
export function assignerFingerprint(assigner: WindowAssigner): string {
  switch (assigner.kind) {
    case 'tumbling':
      return `tumbling(${assigner.sizeMs},${assigner.offsetMs})`
    case 'sliding':
      return `sliding(${assigner.sizeMs},${assigner.slideMs},${assigner.offsetMs})`
    case 'session':
      return `session(${assigner.gapMs})`
  }
}

/** Offsets may be negative milliseconds: `tumbling('1d', -8 * 3_600_000)` starts days at UTC+8's midnight. */
function offsetBelow(offset: Duration, limitMs: number, what: string): number {
  const offsetMs = typeof offset === 'number' && offset < 0 ? -durationMs(-offset, what) : durationMs(offset, what)
  if (Math.abs(offsetMs) < limitMs) return offsetMs
  throw new MillraceError('MILLRACE_GRAPH', `${what} must be less than ${limitMs} ms, not ${offsetMs}`)
}
