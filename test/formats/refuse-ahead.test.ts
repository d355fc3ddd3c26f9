import { describe, expect, it } from 'vitest'
import { decodeWith, refuseAhead, type RawRecord } from '../../operators/index.js'

const ARRIVAL = Date.UTC(2026, 0, 31)

function raw(text: string, approximateArrivalMs?: number): RawRecord {
  const arrival = approximateArrivalMs === undefined ? {} : { approximateArrivalMs }
  return { bytes: Buffer.from(text), text: () => text, position: () => 'here:0', ...arrival }
}

/** Times of a record, one behind the other; `-` for none. */
const times = decodeWith<number | undefined>((record, out) => {
  for (const text of record.text().split(' ')) {
    if (text === '?') out.invalid('no time')
    else out.emit(text === '-' ? undefined : Number(text))
  }
})

function decoded(record: RawRecord): (number | string | undefined)[] {
  const seen: (number | string | undefined)[] = []
  refuseAhead(times, { maxAhead: '10m', time: (time) => time }).decode(record, {
    emit: (time) => void seen.push(time),
    invalid: (reason) => void seen.push(reason),
  })
  return seen
}

describe('refuseAhead', () => {
  it('refuses what is further ahead of its arrival than it may be, and nothing on the bound', () => {
    expect(decoded(raw(`${ARRIVAL + 600_000}`, ARRIVAL))).toEqual([ARRIVAL + 600_000])
    expect(decoded(raw(`${ARRIVAL + 600_001}`, ARRIVAL))).toEqual([
      'its time is 600001 ms ahead of its arrival, over the limit of 600000 ms',
    ])
    expect(decoded(raw('8640000000000000', ARRIVAL))[0]).toMatch(/ahead of its arrival/)
  })

  it('judges each value by itself, and none without a time', () => {
    expect(decoded(raw(`5 ${ARRIVAL + 700_000} - ? 6`, ARRIVAL))).toEqual([
      5,
      expect.stringContaining('700000 ms ahead'),
      undefined,
      'no time',
      6,
    ])
  })

  it.each([undefined, NaN])('judges nothing of a source that knows no arrival: %s', (arrival) => {
    expect(decoded(raw('8640000000000000', arrival))).toEqual([8.64e15])
  })

  it('wants a duration', () => {
    expect(() => refuseAhead(times, { maxAhead: -1, time: (time) => time })).toThrow(/`maxAhead` of refuseAhead/)
  })
})
