import { expect, it } from 'vitest'
import { runLargeState } from './large-state.mjs'

/** Node itself and two threads of it take most of this, more where the collector gets little of a processor. */
const MOST_MB = 600

it(
  'state twenty times as large as --memory is kept, in little more memory than Node itself needs',
  { timeout: 180_000 },
  async () => {
    const { keys, peakRssMb, checkpoints } = await runLargeState({ state: '320MB', memory: '16MB' })
    expect(keys).toBe(81_920)
    expect(checkpoints).toBeGreaterThan(1)
    expect(peakRssMb).toBeLessThan(MOST_MB)
  },
)
