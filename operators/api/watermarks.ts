import type { WatermarkStrategy } from '../../runtime/contract/source.js'
import { durationMs, positiveDurationMs, type Duration } from './duration.js'

/** A record's event time, epoch milliseconds; `recordTimestamp` is the source's own, `NO_TIMESTAMP` if it has none. */
export type TimestampOf<T> = (value: T, recordTimestamp: number) => number

/** How event time moves at a source; made by the functions below. It does not change: its methods return another one. */
export interface Watermarks<T> extends WatermarkStrategy<T> {
  /** A split without records for so long stops holding the watermark back. Flink: `withIdleness`. */
  withIdleness(idleAfter: Duration): Watermarks<T>
  /** How far a split may run ahead of the slowest one before it is paused. Flink: `withWatermarkAlignment`. */
  withAlignment(maxDrift: Duration): Watermarks<T>
}

/**
 * Records come at most `maxOutOfOrderness` behind the greatest timestamp so far, per split; those further behind may be late. The
 * watermark is that timestamp - maxOutOfOrderness - 1, as Flink's `forBoundedOutOfOrderness`. Timestamps: `timestampOf`, or the
 * option `timestamp` of `fromSource`, or else the source's own.
 */
export function boundedOutOfOrderness(maxOutOfOrderness: Duration): Watermarks<unknown>
export function boundedOutOfOrderness<T>(maxOutOfOrderness: Duration, timestampOf: TimestampOf<T>): Watermarks<T>
export function boundedOutOfOrderness<T>(maxOutOfOrderness: Duration, timestampOf?: TimestampOf<T>): Watermarks<T> {
  const outOfOrdernessMs = durationMs(maxOutOfOrderness, 'maxOutOfOrderness')
  return watermarks({ generator: { kind: 'bounded', outOfOrdernessMs }, ...timestamps(timestampOf) })
}

/** Each split's timestamps never fall. Flink: `forMonotonousTimestamps`. */
export function monotonous(): Watermarks<unknown>
export function monotonous<T>(timestampOf: TimestampOf<T>): Watermarks<T>
export function monotonous<T>(timestampOf?: TimestampOf<T>): Watermarks<T> {
  return watermarks({ generator: { kind: 'bounded', outOfOrdernessMs: 0 }, ...timestamps(timestampOf) })
}

/** No watermark but the one at the end of a bounded input. Flink: `noWatermarks`. */
export function noWatermarks(): Watermarks<unknown> {
  return watermarks({ generator: { kind: 'none' } })
}

function timestamps<T>(timestamp: TimestampOf<T> | undefined): { timestamp?: TimestampOf<T> } {
  return timestamp === undefined ? {} : { timestamp }
}

function watermarks<T>(strategy: WatermarkStrategy<T>): Watermarks<T> {
  return {
    ...strategy,
    withIdleness: (idleAfter) => watermarks({ ...strategy, idlenessMs: positiveDurationMs(idleAfter, 'withIdleness') }),
    withAlignment: (maxDrift) => watermarks({ ...strategy, maxDriftMs: positiveDurationMs(maxDrift, 'withAlignment') }),
  }
}
