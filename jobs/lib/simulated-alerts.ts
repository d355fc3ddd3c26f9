import type { GeneratorFactory } from 'millrace'
import { alertLine } from './alert.js'
import { randomAt } from './random-at.js'
import { simulatedLines } from './simulated-lines.js'

const TURBINES = 20
const MINUTE_MS = 60_000
const START_MS = Date.UTC(2024, 0, 15, 6)

/** A few alerts, as `windTurbine` writes them. */
export const simulatedAlerts: GeneratorFactory = simulatedLines({
  name: 'alerts',
  values: 20,
  ratePerSecond: 20,
  line(index) {
    const windowStart = START_MS + index * MINUTE_MS
    return alertLine({
      turbineID: `turbine-${1 + Math.floor(randomAt(3, index, 1) * TURBINES)}`,
      avgSpeed: 61n + BigInt(Math.floor(randomAt(3, index, 2) * 30)),
      windowStart,
      windowEnd: windowStart + MINUTE_MS,
    })
  },
})
