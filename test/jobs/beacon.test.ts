import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseBeacon } from '../../jobs/lib/beacon.js'

const NAVIGATION = {
  type: 'navigation',
  session: 's1',
  pageImpression: 'p1',
  time: 1_705_302_011_250,
  url: 'https://shop.example/',
  userAgent: 'Mozilla/5.0',
}
const LOAD = { ...NAVIGATION, type: 'load', timers: { fcp: 640, lcp: 1210.5, load: 0 } }
const EVENT = { ...NAVIGATION, type: 'event', event: 'click' }

const reasonOf = (beacon: unknown): unknown => {
  const parsed = parseBeacon(typeof beacon === 'string' ? beacon : JSON.stringify(beacon))
  return 'reason' in parsed ? parsed.reason : undefined
}

describe('a beacon', () => {
  it.each([NAVIGATION, LOAD, EVENT])('of type $type', (beacon) => {
    const { type, session, pageImpression, time, url, userAgent } = beacon
    expect(parseBeacon(JSON.stringify({ ...beacon, customer: 'shop' }))).toEqual({
      type,
      session,
      pageImpression,
      time,
      url,
      userAgent,
    })
  })

  it.each([
    ['not JSON', '{'],
    ['type is not navigation, load or event', 'null'],
    ['type is not navigation, load or event', { ...NAVIGATION, type: 'unload' }],
    ['type is not navigation, load or event', { ...NAVIGATION, type: ['load'] }],
    ['session is not an id', { ...NAVIGATION, session: '' }],
    ['session is not an id', { ...NAVIGATION, session: 5 }],
    ['session is not an id', { ...NAVIGATION, session: '\ud800' }],
    ['pageImpression is not an id', { ...NAVIGATION, pageImpression: undefined }],
    ['pageImpression is not an id', { ...NAVIGATION, pageImpression: 'a\udc00' }],
    ['time is not a whole number of milliseconds', { ...NAVIGATION, time: '1705302011250' }],
    ['time is not a whole number of milliseconds', { ...NAVIGATION, time: 1.5 }],
    ['time is not a whole number of milliseconds', { ...NAVIGATION, time: 9e15 }],
    ['time is not a whole number of milliseconds', { ...NAVIGATION, time: null }],
    ['url is not a string', { ...NAVIGATION, url: null }],
    ['userAgent is not a string', { ...NAVIGATION, userAgent: undefined }],
    ['timers is not an object of milliseconds', { ...LOAD, timers: undefined }],
    ['timers is not an object of milliseconds', { ...LOAD, timers: [] }],
    ['timers is not an object of milliseconds', { ...LOAD, timers: { fcp: -1 } }],
    ['timers is not an object of milliseconds', { ...LOAD, timers: { fcp: '1' } }],
    ['event is not a string', { ...EVENT, event: undefined }],
  ])('is refused: %s', (reason, beacon) => {
    expect(reasonOf(beacon)).toBe(reason)
  })

  it('of any JSON has a reason, never an error', () => {
    fc.assert(
      fc.property(fc.json(), (line) => {
        expect(reasonOf(line)).toEqual(expect.any(String))
      }),
    )
  })

  it('is as docs/beacons.md writes it down', () => {
    const page = readFileSync(new URL('../../docs/beacons.md', import.meta.url), 'utf8')
    const examples = /```json\n([^]*?)\n```/.exec(page)![1]!.split('\n')
    expect(examples.map((line) => parseBeacon(line))).toMatchObject([
      { type: 'navigation' },
      { type: 'load' },
      { type: 'event' },
    ])
  })
})
