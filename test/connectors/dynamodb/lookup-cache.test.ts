import { describe, expect, it } from 'vitest'
import { LookupCache } from '../../../operators/connectors/dynamodb/lookup-cache.js'
import { LocalMetrics } from '../../../runtime/task/counters.js'
import { VirtualClock } from '../../../runtime/testing/virtual-clock.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function caching(table: Record<string, string>, { maxEntries = 100 } = {}) {
  const clock = new VirtualClock(0)
  const asked: string[] = []
  const warnings: string[] = []
  let failing = false
  const cache = new LookupCache<string, string>({
    describe: 'dynamodb://agents',
    async load(key) {
      asked.push(key)
      await turn()
      if (failing) throw new Error('throttled')
      return table[key]
    },
    refreshMs: 1_000,
    refreshMissingMs: 100,
    maxEntries,
    ctx: { clock, metrics: new LocalMetrics(), warn: (message) => void warnings.push(message) },
  })
  return { cache, clock, asked, warnings, table, fail: (now: boolean) => void (failing = now) }
}

describe('LookupCache', () => {
  it('asks once for a key, however many want it at the same time', async () => {
    const { cache, asked } = caching({ a: 'bot' })
    expect(await Promise.all([cache.get('a'), cache.get('a'), cache.get('b')])).toEqual(['bot', 'bot', undefined])
    expect(await cache.get('a')).toBe('bot')
    expect(asked).toEqual(['a', 'b'])
  })

  it('gives the old value while it is looked up again', async () => {
    const { cache, clock, asked, table } = caching({ a: 'bot' })
    await cache.get('a')
    table['a'] = 'person'
    clock.advanceTo(999)
    expect(await cache.get('a')).toBe('bot')
    expect(asked).toHaveLength(1)
    clock.advanceTo(1_000)
    expect(await cache.get('a')).toBe('bot')
    await turn()
    await turn()
    expect(await cache.get('a')).toBe('person')
    expect(asked).toHaveLength(2)
  })

  it('remembers that there is no item, for a time of its own', async () => {
    const { cache, clock, asked, table } = caching({})
    expect(await cache.get('a')).toBeUndefined()
    table['a'] = 'bot'
    expect(await cache.get('a')).toBeUndefined()
    expect(asked).toHaveLength(1)
    clock.advanceTo(100)
    await cache.get('a')
    await turn()
    await turn()
    expect(await cache.get('a')).toBe('bot')
  })

  it('keeps the old value when it cannot be looked up again, warns, and does not ask at once again', async () => {
    const { cache, clock, asked, warnings, fail } = caching({ a: 'bot' })
    await cache.get('a')
    fail(true)
    clock.advanceTo(1_000)
    await cache.get('a')
    await turn()
    await turn()
    expect(await cache.get('a')).toBe('bot')
    expect(asked).toHaveLength(2)
    expect(warnings).toEqual(['dynamodb://agents could not be asked again, the old value stays: throttled'])
  })

  it('fails for a key that is not known and cannot be read, and asks again next time', async () => {
    const { cache, fail } = caching({ a: 'bot' })
    fail(true)
    await expect(cache.get('a')).rejects.toThrow('throttled')
    fail(false)
    expect(await cache.get('a')).toBe('bot')
  })

  it('forgets the key that was not asked for longest', async () => {
    const { cache, asked } = caching({ a: '1', b: '2', c: '3' }, { maxEntries: 2 })
    await cache.get('a')
    await cache.get('b')
    await cache.get('a')
    await cache.get('c')
    expect([cache.known('a'), cache.known('b'), cache.known('c')]).toEqual(['1', undefined, '3'])
    await cache.get('a')
    expect(asked).toEqual(['a', 'b', 'c'])
  })
})
