import { describe, expect, it } from 'vitest'
import { hex8 } from '../../../bench/streams/hex.js'
import { IMPRESSION_DISORDER_MS, impression } from '../../../bench/streams/impression.js'
import { item } from '../../../bench/streams/item.js'
import { AUCTION, BID, NEX_DISORDER_MS, nex, PERSON } from '../../../bench/streams/nex.js'
import { ORDER_DISORDER_MS, order, orderNumber } from '../../../bench/streams/order.js'
import { BASE_TIME, below, mix32 } from '../../../bench/streams/random.js'
import { READING_DISORDER_MS, reading, readingJson } from '../../../bench/streams/reading.js'
import { word } from '../../../bench/streams/word.js'

const indices = Array.from({ length: 20_000 }, (_, index) => index)

describe('random numbers', () => {
  it('reads a negative integer as unsigned before bringing it below a limit', () => {
    expect(below(-1, 10)).toBe(5)
    expect(below(7, 10)).toBe(7)
  })

  it('scrambles one to one, and keeps zero', () => {
    expect(mix32(0)).toBe(0)
    expect(new Set(indices.map(mix32)).size).toBe(indices.length)
  })
})

describe('hex8', () => {
  it.each([
    [0, '00000000'],
    [-1, 'ffffffff'],
    [0x0a1b2c3d, '0a1b2c3d'],
    [0x80000000 | 0, '80000000'],
  ])('writes %i as %s', (x, text) => {
    expect(hex8(x)).toBe(text)
  })
})

describe('benchmark streams', () => {
  it.each([
    ['reading', reading, READING_DISORDER_MS],
    ['impression', impression, IMPRESSION_DISORDER_MS],
    ['order', order, ORDER_DISORDER_MS],
    ['nex', nex, NEX_DISORDER_MS],
  ] as const)('%s is never further out of order than its bound, and uses nearly all of it', (_, generate, boundMs) => {
    let [greatest, most] = [-Infinity, 0]
    for (const index of indices) {
      const { ts } = generate(index)
      greatest = Math.max(greatest, ts)
      most = Math.max(most, greatest - ts)
    }
    expect(most).toBeLessThan(boundMs)
    expect(most).toBeGreaterThan(boundMs * 0.8)
  })

  it('items come in order, one a millisecond, whole beyond 32 bits', () => {
    expect(item(0).ts).toBe(BASE_TIME)
    expect(item(2 ** 32 + 5)).toEqual({ ...item(5), ts: BASE_TIME + 2 ** 32 + 5 })
  })

  it('a reading’s text holds the same turbine, speed and time', () => {
    for (const index of indices.slice(0, 500)) {
      const { turbineId, speed, ts } = reading(index)
      const image = { deviceID: { S: turbineId }, value: { N: String(speed) } }
      expect(readingJson(index)).toBe(JSON.stringify({ eventName: 'INSERT', dynamodb: { NewImage: image }, ts }))
    }
  })

  it('one order in twenty repeats an earlier number', () => {
    const repeats = indices.filter((index) => orderNumber(index) !== index)
    expect(repeats.every((index) => orderNumber(index) >= 0 && orderNumber(index) < index)).toBe(true)
    expect(repeats.length / indices.length).toBeCloseTo(0.05, 2)
    expect(order(repeats[0]!).orderId).toBe(order(orderNumber(repeats[0]!)).orderId)
  })

  it('small words are the frequent ones', () => {
    const counts = new Map<string, number>()
    for (const index of indices) counts.set(word(index), (counts.get(word(index)) ?? 0) + 1)
    expect(counts.get('word0')).toBe(Math.max(...counts.values()))
    expect(counts.size).toBeGreaterThan(5_000)
  })

  it('an epoch of the auction house is a person, three auctions, 46 bids on what exists', () => {
    const kinds = indices.slice(0, 50).map((index) => nex(index).kind)
    expect(kinds).toEqual([PERSON, AUCTION, AUCTION, AUCTION, ...Array.from({ length: 46 }, () => BID)])
    let [persons, auctions] = [999, 999]
    for (const index of indices) {
      const { kind, person, auction } = nex(index)
      if (kind === PERSON) expect([person, auction]).toEqual([++persons, 0])
      if (kind === AUCTION) expect(auction).toBe(++auctions)
      expect(person).toBeLessThanOrEqual(persons)
      expect(auction).toBeLessThanOrEqual(auctions)
    }
  })
})
