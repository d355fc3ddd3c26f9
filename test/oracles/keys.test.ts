import { describe, expect, it } from 'vitest'
import { equalKeys, hostileKeys } from './hostile-keys.js'
import { groupByKey, keyText } from './keys.js'

describe('keyText', () => {
  it('tells every two hostile keys apart', () => {
    const texts = hostileKeys.map(keyText)
    expect(new Set(texts).size).toBe(hostileKeys.length)
  })

  it.each(equalKeys)('is the same for equal keys %#', (a, b) => {
    expect(keyText(a)).toBe(keyText(b))
  })

  it('keeps tuples from running into each other', () => {
    expect(keyText(['a', ['b', 'c']])).not.toBe(keyText([['a', 'b'], 'c']))
    expect(keyText(['1:a'])).not.toBe(keyText(['1', 'a']))
  })
})

describe('groupByKey', () => {
  it('groups by equality of keys, in order of first appearance', () => {
    const records = [{ key: '__proto__' }, { key: -0 }, { key: '0' }, { key: 0 }, { key: '__proto__' }]
    expect(groupByKey(records).map((group) => group.length)).toEqual([2, 2, 1])
  })
})
