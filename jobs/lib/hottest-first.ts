import type { WindowFunction } from 'millrace'
import type { SensorReading } from './sensor-reading.js'

/** A reading of a window, as it is written: an item whose key is `window` and `rank`. */
export interface RankedReading {
  /** The window's start, epoch milliseconds. */
  readonly window: number
  /** 1 for the hottest of the window. */
  readonly rank: number
  readonly id: string
  readonly currentTemp: number
  readonly status: string
}

/**
 * All readings of a window, the hottest first. Readings of one temperature stand in the order of their other columns, so that whoever
 * computes a window again gives each row the rank it had.
 */
export const hottestFirst: WindowFunction<string, SensorReading, RankedReading> = (_, { start }, readings, out) => {
  const sorted = [...readings].sort(
    (a, b) => b.currentTemp - a.currentTemp || order(a.id, b.id) || order(a.status, b.status),
  )
  sorted.forEach(({ id, currentTemp, status }, index) => {
    out.emit({ window: start, rank: index + 1, id, currentTemp, status })
  })
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
