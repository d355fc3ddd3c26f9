import { expectedAlerts, type KnownReading } from '../jobs/oracle-turbines.js'
import { changeLine } from '../jobs/turbine-lines.js'
import type { RandomSource } from '../oracles/random-source.js'
import type { NewRecord } from './support-streams.js'

/** Change records for a stream of several shards, and what windTurbine should make of them. */
export interface WindFarmStream {
  readonly records: readonly NewRecord[]
  /** Texts that are no change records. */
  readonly invalid: readonly string[]
  /** Lines of output, sorted. */
  readonly alerts: readonly string[]
}

const TURBINES = 12
const DISORDER_MS = 5_000

/** So many records; windows of ten seconds. Keys of the records say nothing: the shards share every turbine. */
export function windFarmStream(random: RandomSource, count: number): WindFarmStream {
  const records: NewRecord[] = []
  const invalid: string[] = []
  const readings: KnownReading[] = []
  let newest = Date.UTC(2024, 0, 15)
  for (let i = 0; i < count; i++) {
    newest += random.below(1_500)
    const key = String(random.below(1_000_000))
    if (random.chance(0.02)) {
      const data = `not a change: ${i}`
      invalid.push(data)
      records.push({ data, key })
      continue
    }
    const reading = {
      id: `turbine-${random.below(TURBINES)}`,
      number: `${random.between(30, 90)}.${random.below(100)}`,
      time: newest - random.below(DISORDER_MS + 1),
    }
    readings.push(reading)
    records.push({ data: changeLine(reading, 'INSERT', random.chance(0.3)), key })
  }
  return { records, invalid: invalid.sort(), alerts: expectedAlerts(readings, 60, 10_000) }
}

/** A line of output, as far as it says what it is about: a turbine and a window have one. */
export interface Alert {
  readonly turbineID: string
  readonly windowStart: number
}

/** What an alert is about. */
export function nameOf({ turbineID, windowStart }: Alert): string {
  return `${turbineID} ${windowStart}`
}
