import { describe, expect, it } from 'vitest'
import { EncodingPace } from '../../runtime/task/encoding-pace.js'

/** How long encoding has had when a busy slot's clock shows `ageMs` since the barrier, in turns of a millisecond. */
function encodedMs(pace: EncodingPace, barrierMs: number, ageMs: number): number {
  let encoded = 0
  for (let now = barrierMs; now < barrierMs + ageMs; now++) {
    if (!pace.allows(now)) continue
    pace.spent(1)
    encoded++
  }
  return encoded
}

describe('the encoding of a busy slot', () => {
  it('takes a tenth of the time while it is young', () => {
    const pace = new EncodingPace(0)
    pace.begin(1, 10_000)
    const encoded = encodedMs(pace, 10_000, 4_000)
    expect(encoded).toBeGreaterThanOrEqual(400)
    expect(encoded).toBeLessThan(410)
  })

  it('takes a third from half an epoch on, then all that it wants', () => {
    const pace = new EncodingPace(0)
    pace.begin(1, 1_000)
    const all = encodedMs(pace, 1_000, 1_500)
    expect(all).toBeGreaterThan(50 + 166 + 490)
    expect(all).toBeLessThan(50 + 167 + 520)
  })

  it('does not hold a small checkpoint back', () => {
    const pace = new EncodingPace(0)
    pace.begin(1, 10_000)
    pace.spent(4)
    expect(pace.allows(10_001)).toBe(true)
    pace.spent(4)
    expect(pace.allows(10_002)).toBe(false)
  })

  it('begins once for each checkpoint, however many tasks a barrier passes', () => {
    const pace = new EncodingPace(0)
    pace.begin(1, 10_000)
    pace.spent(100)
    pace.begin(1, 10_100)
    expect(pace.allows(10_100)).toBe(false)
    pace.begin(2, 20_000)
    expect(pace.allows(20_000)).toBe(true)
  })
})
