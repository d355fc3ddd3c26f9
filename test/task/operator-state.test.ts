import { describe, expect, it } from 'vitest'
import type { OperatorStateMode } from '../../runtime/contract/state.js'
import { operatorStateRecords, operatorStateRestores } from '../../runtime/coordinator/operator-state-plan.js'
import { OperatorStateFiles } from '../../runtime/task/operator-state-files.js'
import type { OperatorStateShare, SlotAssignment } from '../../runtime/worker/protocol.js'
import { MemoryStorage } from '../storage/memory-storage.js'

const LARGE = 'x'.repeat(5_000)

function node(...modes: readonly OperatorStateMode[]) {
  return { uid: 'op', operatorStates: modes.map((mode) => ({ name: mode, mode, fingerprint: 'v1' })) }
}

function files(storage: MemoryStorage, slot = 0): OperatorStateFiles {
  return new OperatorStateFiles(storage, { epoch: 1, attempt: 1, slot } as SlotAssignment)
}

type Opened = NonNullable<Awaited<ReturnType<OperatorStateFiles['open']>>>
type Shares = Readonly<Record<string, OperatorStateShare>>

async function take({ snapshots }: Opened, checkpointId: number, sliceOf = Infinity): Promise<Shares> {
  const run = snapshots.freeze(checkpointId)
  while (!run.slice(sliceOf));
  return run.finish()
}

const restoreOf = (...subtasks: readonly Shares[]) =>
  operatorStateRestores(
    operatorStateRecords(subtasks.map((operatorState) => ({ operatorState }))),
    0,
    1,
    subtasks.length,
  )

describe('operator state', () => {
  it('comes back as it was, types included, from the manifest and from files', async () => {
    const storage = new MemoryStorage()
    const operator = node('split', 'union', 'broadcast')
    const opened = (await files(storage).open(operator, {}))!
    const values = [new Map([[1, new Date(5)]]), 12n, new Uint8Array([1, 2]), -0, undefined, new Set(['a'])]
    for (const value of values) opened.state.list('split').add(value)
    opened.state.list('union').add(LARGE)
    opened.state.broadcast('broadcast').set(['a', 1n], { at: new Date(7) })
    const shares = await take(opened, 1)
    expect([shares['split']!.part!.path, typeof shares['union']!.part!.path]).toEqual([undefined, 'string'])
    expect(JSON.parse(JSON.stringify(shares))).toEqual(shares)

    const { state } = (await files(storage).open(operator, restoreOf(shares)))!
    expect(state.list('split').get()).toEqual(values)
    expect(Object.is(state.list('split').get()[3], -0)).toBe(true)
    expect(state.list('union').get()).toEqual([LARGE])
    expect([...state.broadcast('broadcast').entries()]).toEqual([[['a', 1n], { at: new Date(7) }]])
  })

  it('is that of the barrier, whatever is written while it is encoded', async () => {
    const operator = node('split', 'broadcast')
    const opened = (await files(new MemoryStorage()).open(operator, {}))!
    const [list, rules] = [opened.state.list<number>('split'), opened.state.broadcast<number, string>('broadcast')]
    for (let i = 0; i < 10; i++) {
      list.add(i)
      rules.set(i, 'old')
    }
    const run = opened.snapshots.freeze(1)
    run.slice(3)
    list.add(99)
    rules.set(0, 'new')
    rules.delete(1)
    run.slice(9)
    list.update([])
    rules.clear()
    while (!run.slice(3));
    const { state } = (await files(new MemoryStorage()).open(operator, restoreOf(await run.finish())))!
    expect(state.list('split').get()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect([...state.broadcast('broadcast').entries()]).toEqual(Array.from({ length: 10 }, (_, i) => [i, 'old']))
  })

  it('is stored again only if it was written', async () => {
    const storage = new MemoryStorage()
    const opened = (await files(storage).open(node('split', 'broadcast'), {}))!
    opened.state.list('split').add(LARGE)
    opened.state.broadcast('broadcast').set(1, LARGE)
    const first = await take(opened, 1)
    expect(await take(opened, 2)).toEqual(first)
    opened.state.broadcast('broadcast').delete(2)
    opened.state.broadcast('broadcast').set(1, `${LARGE}y`)
    const third = await take(opened, 3)
    expect(third['split']).toEqual(first['split'])
    expect(third['broadcast']!.part!.path).not.toBe(first['broadcast']!.part!.path)
    expect(await storage.list('segments/')).toHaveLength(3)
  })

  it('is stored again after a checkpoint that was given up before it was stored', async () => {
    const opened = (await files(new MemoryStorage()).open(node('split'), {}))!
    opened.state.list('split').add(1)
    opened.snapshots.freeze(1).slice(Infinity)
    expect((await take(opened, 2))['split']!.part!.elements).toBe(1)
  })

  it('if broadcast, is kept once: by subtask 0', async () => {
    const storage = new MemoryStorage()
    const subtasks = await Promise.all([0, 1].map((slot) => files(storage, slot).open(node('broadcast'), {})))
    for (const opened of subtasks) opened!.state.broadcast('broadcast').set(1, LARGE)
    const shares = await Promise.all(subtasks.map((opened) => take(opened!, 1)))
    expect(operatorStateRecords(shares.map((operatorState) => ({ operatorState })))['broadcast']!.parts).toHaveLength(1)
    expect(await storage.list('segments/')).toHaveLength(1)
  })

  it('refuses a value that cannot be stored, naming state and operator', async () => {
    const opened = (await files(new MemoryStorage()).open(node('split'), {}))!
    opened.state.list('split').add({ f: () => 1 })
    await expect(take(opened, 1)).rejects.toMatchObject({
      code: 'MILLRACE_VALUE',
      message: "state 'split' of operator 'op': not a value: $.f is a function (f)",
    })
  })

  it('names a file that is not what was written', async () => {
    const storage = new MemoryStorage()
    const opened = (await files(storage).open(node('split'), {}))!
    opened.state.list('split').add(LARGE)
    const shares = await take(opened, 1)
    const { path } = shares['split']!.part!
    const bytes = await storage.read(path!)
    bytes[100]! ^= 1
    await storage.overwrite(path!, bytes)
    const damaged = { code: 'MILLRACE_CORRUPT', message: expect.stringContaining(path!) as string }
    await expect(files(storage).open(node('split'), restoreOf(shares))).rejects.toMatchObject(damaged)
    await storage.delete(path!)
    await expect(files(storage).open(node('split'), restoreOf(shares))).rejects.toMatchObject(damaged)
  })

  it('asked for in another mode is refused', async () => {
    const { state } = (await files(new MemoryStorage()).open(node('split', 'broadcast'), {}))!
    expect(() => state.broadcast('split')).toThrow("declares 'split' as split state, not as broadcast")
    expect(() => state.list('broadcast')).toThrow("declares 'broadcast' as broadcast state")
    expect(() => state.list('other')).toThrow("declares no operator state 'other'")
  })
})
