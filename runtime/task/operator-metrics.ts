import type { LocalMetrics } from '../metrics/local-metrics.js'

/** What counts the records that go into it: a chained operator's own counter, a channel writer. */
export interface Counting {
  readonly count: number
}

/**
 * `numRecordsOut` of an operator costs it nothing: whoever is behind it counts anyway. `targets`: one for each of its outputs, whose
 * other readers get the same.
 */
export function countRecordsOut(metrics: LocalMetrics, targets: readonly Counting[]): void {
  metrics.countOf('numRecordsOut', {
    get count(): number {
      let sum = 0
      for (const target of targets) sum += target.count
      return sum
    },
  })
}

/** The watermarks an operator has got and has let go on, epoch milliseconds; not finite: none yet, or the end. */
export function showWatermarks(metrics: LocalMetrics, received: () => number, emitted: () => number): void {
  metrics.gauge('currentInputWatermark', received, 'min')
  metrics.gauge('currentOutputWatermark', emitted, 'min')
}
