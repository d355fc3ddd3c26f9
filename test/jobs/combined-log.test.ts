import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCombined, parseLogTime } from '../../jobs/lib/combined-log.js'
import { parseByPattern } from './oracle-visits.js'
import { REAL_ACCESS_LOG } from './real-data.js'

const LINE =
  '192.0.2.7 - ann [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 1234 "https://example.com/" "Mozilla/5.0 (X11)"'

describe('a line of the combined log format', () => {
  it('is taken apart', () => {
    expect(parseCombined(LINE)).toEqual({
      ip: '192.0.2.7',
      time: Date.UTC(2015, 4, 17, 10, 5, 3),
      request: 'GET /a?b=c HTTP/1.1',
      status: 200,
      userAgent: 'Mozilla/5.0 (X11)',
    })
  })

  it('may come from an IPv6 address, have no bytes, and end with a carriage return', () => {
    expect(parseCombined(LINE.replace('192.0.2.7', '2001:db8::1'))).toMatchObject({ ip: '2001:db8::1' })
    expect(parseCombined(LINE.replace('1234', '-'))).toMatchObject({ status: 200 })
    expect(parseCombined(`${LINE}\r`)).toMatchObject({ userAgent: 'Mozilla/5.0 (X11)' })
  })

  it('may have quotes and backslashes in quoted fields, escaped; they stay as they are', () => {
    const escaped = LINE.replace('(X11)', '(\\"X11\\" \\\\)').replace('/a?', '/\\"a\\"?')
    expect(parseCombined(escaped)).toMatchObject({
      request: 'GET /\\"a\\"?b=c HTTP/1.1',
      userAgent: 'Mozilla/5.0 (\\"X11\\" \\\\)',
    })
  })

  it('may have empty quoted fields and any request', () => {
    expect(parseCombined(LINE.replace('Mozilla/5.0 (X11)', ''))).toMatchObject({ userAgent: '' })
    expect(parseCombined(LINE.replace('GET /a?b=c HTTP/1.1', '-'))).toMatchObject({ request: '-' })
    expect(parseCombined(LINE.replace('GET /a?b=c HTTP/1.1', '\\x16\\x03'))).toMatchObject({ request: '\\x16\\x03' })
  })

  it.each([
    '',
    ' ',
    'x',
    LINE.slice(0, -1),
    LINE.slice(0, 60),
    LINE.slice(1).replace(/^\S+/, ''),
    ` ${LINE}`,
    `${LINE} `,
    `${LINE} "more"`,
    `${LINE}\r\r`,
    LINE.replace(' - ann', ' -  ann'),
    LINE.replace(' - ann', ' ann'),
    LINE.replace('[', ''),
    LINE.replace(']', ''),
    LINE.replace(' 200', '  200'),
    LINE.replace(' 200', ' 20'),
    LINE.replace(' 200', ' 2000'),
    LINE.replace('1234', '12a'),
    LINE.replace('1234', '-1'),
    LINE.replace('1234 ', ''),
    LINE.replace('May', 'may'),
    LINE.replace('(X11)', '(X11)\\'),
    LINE.replace('(X11)', '("X11")'),
    LINE.replace(' "https://example.com/"', ''),
    LINE.replace('192.0.2.7', '192.0.2.7\t'),
  ])('is not %j', (line) => {
    expect(parseCombined(line)).toBeUndefined()
  })

  it('is what a pattern of the whole line says, also where a line was damaged', () => {
    const damage = fc.record({
      at: fc.nat(LINE.length),
      remove: fc.nat(3),
      insert: fc.string({ unit: fc.constantFrom(...'"\\ []-09aZ:/+\r'), maxLength: 3 }),
    })
    fc.assert(
      fc.property(fc.array(damage, { maxLength: 3 }), (damages) => {
        let line = LINE
        for (const { at, remove, insert } of damages) line = line.slice(0, at) + insert + line.slice(at + remove)
        expect(parseCombined(line)).toEqual(parseByPattern(line))
      }),
      { numRuns: 3000 },
    )
  })

  it.skipIf(!existsSync(REAL_ACCESS_LOG))(
    'is what a pattern of the whole line says of a real log (skipped where shared/data is not there)',
    () => {
      const lines = readFileSync(REAL_ACCESS_LOG, 'utf8').split('\n').slice(0, -1)
      expect(lines.length).toBe(10_000)
      for (const line of lines) expect(parseCombined(line)).toEqual(parseByPattern(line))
      expect(lines.filter((line) => parseCombined(line) === undefined)).toHaveLength(1)
    },
  )
})

describe("a log's time", () => {
  it.each([
    ['17/May/2015:10:05:03 +0000', Date.UTC(2015, 4, 17, 10, 5, 3)],
    ['17/May/2015:10:05:03 +0230', Date.UTC(2015, 4, 17, 7, 35, 3)],
    ['31/Dec/2023:23:30:00 -0100', Date.UTC(2024, 0, 1, 0, 30)],
    ['29/Feb/2024:00:00:00 +0000', Date.UTC(2024, 1, 29)],
    ['01/Jan/1970:00:00:00 +0000', 0],
    ['01/Jan/1970:00:00:00 +0100', -3_600_000],
  ])('%s', (text, time) => {
    expect(parseLogTime(text)).toBe(time)
  })

  it.each([
    '29/Feb/2023:00:00:00 +0000',
    '31/Apr/2023:00:00:00 +0000',
    '00/Jan/2023:00:00:00 +0000',
    '32/Jan/2023:00:00:00 +0000',
    '1/Jan/2023:00:00:00 +0000',
    '01/Foo/2023:00:00:00 +0000',
    '01/Jan/23:00:00:00 +0000',
    '01/Jan/2023:24:00:00 +0000',
    '01/Jan/2023:00:60:00 +0000',
    '01/Jan/2023:00:00:60 +0000',
    '01/Jan/2023:00:00:00 +2400',
    '01/Jan/2023:00:00:00 +0060',
    '01/Jan/2023:00:00:00 0000',
    '01/Jan/2023:00:00:00',
    '01/Jan/2023:00:00:00 +0000 ',
    '2023-01-01T00:00:00Z',
    '',
  ])('is not %j', (text) => {
    expect(parseLogTime(text)).toBeUndefined()
  })

  it('is the time that it was written from, in every zone', () => {
    const date = fc.date({ min: new Date(0), max: new Date(Date.UTC(2100, 0)), noInvalidDate: true })
    fc.assert(
      fc.property(date, fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 }), (when, offsetMinutes) => {
        const seconds = Math.floor(when.getTime() / 1000) * 1000
        const [, day, month, year, clock] = /, (\d\d) (\w+) (\d+) ([\d:]+) GMT/.exec(
          new Date(seconds + offsetMinutes * 60_000).toUTCString(),
        )!
        const zone = String(Math.floor(Math.abs(offsetMinutes) / 60) * 100 + (Math.abs(offsetMinutes) % 60)).padStart(
          4,
          '0',
        )
        expect(parseLogTime(`${day}/${month}/${year}:${clock} ${offsetMinutes < 0 ? '-' : '+'}${zone}`)).toBe(seconds)
      }),
    )
  })
})
