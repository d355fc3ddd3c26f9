import { setTimeout as sleep } from 'node:timers/promises'
import { BATCH, type Table } from './table.js'
import { nextReading, type Reading, type Weather } from './wind.js'

/** How many readings, how fast. */
export interface SimulationOptions extends Weather {
  readonly values: number
  readonly ratePerSecond: number
}

/** How a simulation stands. `stopped`: by a person. */
export interface Progress {
  readonly state: 'running' | 'finished' | 'stopped' | 'failed'
  readonly written: number
  readonly values: number
  /** What it failed of. */
  readonly problem?: string
}

/** What a simulation tells while it runs. */
export interface SimulationListener {
  /** These are in the table. */
  wrote(readings: readonly Reading[]): void
  progress(progress: Progress): void
}

const TICK_MS = 100

/** Writes readings to a table at a steady rate until all are written or `signal` is aborted. Never rejects. */
export async function simulate(
  table: Table,
  options: SimulationOptions,
  listener: SimulationListener,
  signal: AbortSignal,
): Promise<void> {
  const { values, ratePerSecond } = options
  const startedAt = Date.now()
  let written = 0
  const tell = (state: Progress['state'], problem?: string): void =>
    listener.progress({ state, written, values, ...(problem === undefined ? {} : { problem }) })
  tell('running')
  try {
    while (written < values) {
      await sleep(TICK_MS, undefined, { signal })
      const due = Math.min(values, Math.ceil(((Date.now() - startedAt) / 1000) * ratePerSecond))
      // One request at a time, so that what is told is what is in the table.
      while (written < due && !signal.aborted) {
        const readings: Reading[] = []
        const end = Math.min(due, written + BATCH)
        for (let index = written; index < end; index++) {
          readings.push(nextReading(index, Math.floor(startedAt + (index * 1000) / ratePerSecond), options))
        }
        await table.write(readings)
        written = end
        listener.wrote(readings)
        tell('running')
      }
    }
    tell('finished')
  } catch (error) {
    if (signal.aborted) tell('stopped')
    else tell('failed', (error as Error).message)
  }
}
