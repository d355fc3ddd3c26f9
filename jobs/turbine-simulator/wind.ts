import { randomUUID } from 'node:crypto'

/** What a person asks of the simulator. */
export interface Weather {
  readonly turbines: number
  /** Miles an hour, whole. */
  readonly minSpeed: number
  readonly maxSpeed: number
}

/** What a turbine measured: an item of the table. */
export interface Reading {
  readonly id: string
  readonly deviceID: string
  readonly value: number
  /** Epoch milliseconds. */
  readonly time: number
}

/** Wind rises and falls within so long. */
const PERIOD_MS = 45_000

/** The next reading: turbines take turns. Whole miles an hour within the bounds, both included. */
export function nextReading(index: number, time: number, { turbines, minSpeed, maxSpeed }: Weather): Reading {
  const turbine = index % turbines
  const rising = (1 + Math.sin(2 * Math.PI * (time / PERIOD_MS + turbine / turbines))) / 2
  const share = 0.85 * rising + 0.15 * Math.random()
  const value = minSpeed + Math.min(maxSpeed - minSpeed, Math.floor(share * (maxSpeed - minSpeed + 1)))
  return { id: randomUUID(), deviceID: `turbine-${turbine + 1}`, value, time }
}
