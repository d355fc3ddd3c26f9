import { describe, expect, it } from 'vitest'
import { hostileTexts } from './hostile-keys.js'
import { keyText } from './keys.js'
import { randomStream, randomTextStream, recordsOf } from './random-stream.js'

describe('randomStream', () => {
  it('is the same for the same seed and differs between seeds', () => {
    expect(randomStream(7)).toEqual(randomStream(7))
    expect(randomStream(7).arrivals).not.toEqual(randomStream(8).arrivals)
  })

  it('numbers its records and ends with the watermark of the end', () => {
    const { options, arrivals } = randomStream(3, { records: 120 })
    expect(options.records).toBe(120)
    expect(recordsOf(arrivals).map(({ value }) => value.id)).toEqual(Array.from({ length: 120 }, (_, id) => id))
    expect(arrivals.at(-1)).toEqual({ kind: 'watermark', time: Infinity })
  })

  it('keeps to the bound of disorder unless told to be late', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { arrivals } = randomStream(seed, { lateChance: 0 })
      let watermark = -Infinity
      for (const arrival of arrivals) {
        if (arrival.kind === 'watermark') watermark = Math.max(watermark, arrival.time)
        else expect(arrival.record.time, `seed ${seed}`).toBeGreaterThan(watermark)
      }
    }
  })

  it('has disorder, ties, late records, skew, sessions that touch and both zeros somewhere', () => {
    const seen = { disorder: 0, ties: 0, late: 0, skewed: 0, touching: 0, minusZero: 0, zero: 0, negativeTime: 0 }
    for (let seed = 1; seed <= 300; seed++) {
      const { options, arrivals } = randomStream(seed)
      const lastOfKey = new Map<string, number>()
      let [before, watermark] = [-Infinity, -Infinity]
      let hot = 0
      for (const arrival of arrivals) {
        if (arrival.kind === 'watermark') {
          watermark = Math.max(watermark, arrival.time)
          continue
        }
        const { key, time } = arrival.record
        const id = keyText(key)
        if (time < before) seen.disorder++
        if (time === before) seen.ties++
        if (time <= watermark) seen.late++
        if (time < 0) seen.negativeTime++
        if (time - (lastOfKey.get(id) ?? Infinity) === options.edgeMs) seen.touching++
        if (Object.is(key, -0)) seen.minusZero++
        if (Object.is(key, 0)) seen.zero++
        if (id === keyText(options.keys[0]!)) hot++
        before = time
        lastOfKey.set(id, time)
      }
      if (options.keys.length > 4 && hot > options.records / 2 && options.records > 50) seen.skewed++
    }
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(10)
  })

  it('uses every hostile key over the seeds', () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 400; seed++) {
      for (const { key } of recordsOf(randomTextStream(seed, { records: 60 }).arrivals)) seen.add(key)
    }
    expect([...seen].sort()).toEqual([...hostileTexts].sort())
  })

  it('takes the keys it is given', () => {
    const { arrivals } = randomTextStream(1, { keys: ['a', 'b'], hotShare: 0, records: 100 })
    expect(new Set(recordsOf(arrivals).map(({ key }) => key))).toEqual(new Set(['a', 'b']))
  })
})
