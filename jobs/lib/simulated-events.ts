import type { GeneratorFactory } from 'millrace'
import { pickAt, randomAt } from './random-at.js'
import { simulatedLines } from './simulated-lines.js'

const COUNTRIES = ['Spain', 'Portugal', 'Finland', 'France', 'Ghana', 'Chile', 'Japan', 'New Zealand'] as const
const START_MS = Date.UTC(2024, 0, 15, 6)
/** Of event time, between two events. */
const STEP_MS = 60
/** Events come in disorder by less than this. */
const DISORDER_MS = 4_000
/** Of 1,000 lines, so many are damaged. */
const MALFORMED = 1

/** Events from eight countries, about a thousand a minute. */
export const simulatedEvents: GeneratorFactory = simulatedLines({
  name: 'events',
  values: 10_000,
  ratePerSecond: 5_000,
  line: eventLine,
})

function eventLine(index: number): string {
  const time = START_MS + index * STEP_MS - Math.floor(randomAt(2, index, 1) * DISORDER_MS)
  const line = JSON.stringify({ id: index, country: pickAt(COUNTRIES, 2, index, 2), time })
  return Math.floor(randomAt(2, index, 3) * 1_000) < MALFORMED ? line.slice(0, -9) : line
}
