import { describe, expect, it } from 'vitest'
import type { StateDescriptor } from '../../runtime/contract/state.js'
import { checkpoint, newBackend, use } from './backend-world.js'

const A: StateDescriptor = { name: 'a', kind: 'value', fingerprint: '1' }
const B: StateDescriptor = { name: 'b', kind: 'map', fingerprint: '1' }
const C: StateDescriptor = { name: 'c', kind: 'list', fingerprint: '1' }

async function saved(states: readonly StateDescriptor[]) {
  const backend = newBackend(states)
  use(backend, 'k')
  for (const { name, kind } of states) {
    if (kind === 'value') backend.store.value(name).update(`in ${name}`)
    if (kind === 'map') backend.store.map(name).set('cell', `in ${name}`)
    if (kind === 'list') backend.store.list(name).add(`in ${name}`)
  }
  return { rows: await checkpoint(backend, 1), schema: backend.schema() }
}

describe('the schema of restored state', () => {
  it('names each state with its kind, codec and fingerprint, in the order of the ordinals', async () => {
    expect((await saved([A, B])).schema).toEqual([
      { name: 'a', kind: 'value', codec: 'millrace-value', version: 1, fingerprint: '1' },
      { name: 'b', kind: 'map', codec: 'millrace-value', version: 1, fingerprint: '1' },
    ])
  })

  it('finds states again that are declared in another order, with new ones among them', async () => {
    const { rows, schema } = await saved([A, B])
    const backend = newBackend([C, B, A], { restoredSchema: schema })
    rows.restoreInto(backend)
    use(backend, 'k')
    expect(backend.store.value('a').value()).toBe('in a')
    expect(backend.store.map('b').get('cell')).toBe('in b')
    expect(backend.store.list('c').get()).toEqual([])
    expect(backend.schema().map((state) => state.name)).toEqual(['a', 'b', 'c'])
  })

  it.each([
    [{ ...A, fingerprint: '2' }, /state 'a' of operator 'op'.*fingerprint '1'.*'2'/],
    [{ ...A, kind: 'list' } as const, /state 'a' of operator 'op'.*kind 'value'.*'list'/],
  ])('refuses a state that means something else now', async (changed, message) => {
    const { schema } = await saved([A])
    expect(() => newBackend([changed], { restoredSchema: schema })).toThrow(
      expect.objectContaining({ code: 'MILLRACE_RESTORE', message: expect.stringMatching(message) }),
    )
  })

  it('refuses a codec it does not know', async () => {
    const [state] = (await saved([A])).schema
    for (const other of [
      { ...state!, codec: 'other' },
      { ...state!, version: 2 },
    ]) {
      expect(() => newBackend([A], { restoredSchema: [other] })).toThrow(
        expect.objectContaining({ code: 'MILLRACE_RESTORE' }),
      )
    }
  })

  it('refuses state that is no longer declared, or drops it when told to and never uses its ordinal again', async () => {
    const { rows, schema } = await saved([A, B, C])
    expect(() => newBackend([C], { restoredSchema: schema })).toThrow(/holds state 'a' \(value\)/)
    const backend = newBackend([C], { restoredSchema: schema, allowNonRestoredState: true })
    rows.restoreInto(backend)
    use(backend, 'k')
    expect(backend.store.list('c').get()).toEqual(['in c'])
    expect(backend.schema().map((state) => [state.name, state.dropped === true])).toEqual([
      ['a', true],
      ['b', true],
      ['c', false],
    ])
    const again = newBackend([A, C], { restoredSchema: backend.schema() })
    rows.restoreInto(again)
    use(again, 'k')
    expect(again.store.value('a').value()).toBe(undefined)
    expect(again.schema().map((state) => state.name)).toEqual(['a', 'b', 'c', 'a'])
  })

  it('refuses declarations that make no sense', () => {
    const wrong: StateDescriptor[][] = [
      [A, A],
      [{ name: 'r', kind: 'reducing', fingerprint: '' }],
      [{ name: 'g', kind: 'aggregating', fingerprint: '' }],
      [{ name: 'p', kind: 'panes', fingerprint: '', ttlMs: 5 }],
      [{ ...A, ttlMs: 0 }],
    ]
    for (const states of wrong)
      expect(() => newBackend(states)).toThrow(expect.objectContaining({ code: 'MILLRACE_GRAPH' }))
  })

  it('says so when rows are not what the schema says', async () => {
    const { rows } = await saved([A, B])
    const backend = newBackend([A])
    expect(() => rows.restoreInto(backend)).toThrow(expect.objectContaining({ code: 'MILLRACE_CORRUPT' }))
  })
})
