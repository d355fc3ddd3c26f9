import type { GeneratorFactory } from 'millrace'
import { pickAt, randomAt } from './random-at.js'
import { simulatedLines } from './simulated-lines.js'

const NAMES = ['Ada', 'Alan', 'Barbara', 'Edsger', 'Frances', 'Grace', 'Jim', 'Ken', 'Leslie', 'Margaret'] as const
const STATUSES = ['OK', 'FAIL', 'WARN'] as const
const START_MS = Date.UTC(2024, 0, 15, 6)
const COOLEST = 10
const HOTTEST = 550
/** Of event time, between two readings. */
const STEP_MS = 50
/** Readings come in disorder by less than this. */
const DISORDER_MS = 900
/** Of 1,000 lines, so many are damaged. */
const MALFORMED = 2

/** Sensors that are polled twenty times a second: 10 to 550 degrees; the time is a fourth column. */
export const simulatedSensors: GeneratorFactory = simulatedLines({
  name: 'sensors',
  values: 2_000,
  ratePerSecond: 1_000,
  line: sensorLine,
})

function sensorLine(index: number): string {
  const temp = COOLEST + Math.floor(randomAt(1, index, 1) * (HOTTEST - COOLEST + 1))
  const time = START_MS + index * STEP_MS - Math.floor(randomAt(1, index, 2) * DISORDER_MS)
  const name = pickAt(NAMES, 1, index, 3)
  if (Math.floor(randomAt(1, index, 4) * 1_000) < MALFORMED) return `${name},${temp}`
  return `${name},${temp},${pickAt(STATUSES, 1, index, 5)},${time}`
}
