import { describe, expect, it } from 'vitest'
import { parseBytes } from '../../../operators/api/byte-size.js'
import { durationMs, parseDuration } from '../../../operators/api/duration.js'
import { parseLocator, parseLocators } from '../../../operators/api/locator.js'

const plain = (text: string): unknown => {
  const locator = parseLocator(text)
  return locator && { ...locator, query: { ...locator.query } }
}

describe('a locator', () => {
  it.each([
    ['file:/data/in', 'file', '/data/in', {}],
    ['file:relative folder/a.json', 'file', 'relative folder/a.json', {}],
    ['S3://bucket/prefix', 's3', '//bucket/prefix', {}],
    ['console', 'console', '', {}],
    ['console:', 'console', '', {}],
    ['file:/in?split=64MB&x=a%20b', 'file', '/in', { split: '64MB', x: 'a b' }],
    ['file:part-?.json', 'file', 'part-?.json', {}],
    ['file:part-?.json?split=1', 'file', 'part-?.json', { split: '1' }],
    ['datagen:turbines?__proto__=1', 'datagen', 'turbines', JSON.parse('{"__proto__":"1"}') as object],
  ])('%s is taken apart', (text, scheme, path, query) => {
    expect(parseLocator(text)).toMatchObject({ scheme, path, text })
    expect(Object.entries(parseLocator(text)!.query)).toEqual(Object.entries(query))
  })

  it.each(['', '/data', './a.json', 'a b', ':x', 'file:/in?a=%E0%A4%A', 'file:/in?a=1&a=2'])('%j is none', (text) => {
    expect(plain(text)).toBeUndefined()
  })

  it('in a list ends at a comma only where a scheme follows', () => {
    expect(parseLocators('file:a,b.json,file:c,s3://d')!.map(({ text }) => text)).toEqual([
      'file:a,b.json',
      'file:c',
      's3://d',
    ])
    expect(parseLocators('/x,file:c')).toBeUndefined()
  })
})

describe('a duration', () => {
  it('has a unit in text, and is whole milliseconds', () => {
    expect(['500ms', '5s', '1.5s', '10m', '1h', '1d', '0s'].map(parseDuration)).toEqual([
      500, 5_000, 1_500, 600_000, 3_600_000, 86_400_000, 0,
    ])
    expect(['5', '', 's', '-1s', '1.0001s', '5 s', '1h30m', '1w', 'Infinitys'].map(parseDuration)).toEqual(
      Array(9).fill(undefined),
    )
  })

  it('is refused by name', () => {
    expect(() => durationMs('soon' as never, 'gap of session()')).toThrow(/gap of session\(\) is not a duration: soon/)
    expect(() => durationMs(-1, 'x')).toThrow(/not a duration/)
    expect(() => durationMs(NaN, 'x')).toThrow(/not a duration/)
  })
})

describe('a number of bytes', () => {
  it('has units of 1,024', () => {
    expect(['0', '10', '10B', '1k', '1KB', '1KiB', '1.5MB', '2gb'].map(parseBytes)).toEqual([
      0,
      10,
      10,
      1024,
      1024,
      1024,
      1.5 * 2 ** 20,
      2 ** 31,
    ])
    expect(['', 'MB', '-1', '1PB', '0.3'].map(parseBytes)).toEqual(Array(5).fill(undefined))
  })
})
