import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SegmentRef } from '../../runtime/checkpoint/manifest.js'
import { mergeSegmentFiles } from '../../runtime/checkpoint/merge-segment-files.js'
import { openRun, SegmentRunWriter } from '../../runtime/checkpoint/segment-run.js'
import { FaultyStorage } from '../storage/faulty-storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { addRows, byRow, row, rowsOf, type Row } from './rows.js'

const target = { epoch: 2, uid: 'averages', subtask: 1 }

/** Few keys, so that runs overlap. */
const runOf: fc.Arbitrary<Row[]> = fc
  .uniqueArray(
    fc.record({
      keyGroup: fc.nat({ max: 6 }),
      key: fc.constantFrom('', 'a', 'ab', 'b', 'ba', 'long key '.repeat(8)),
      value: fc.option(fc.string({ maxLength: 30 }), { nil: undefined }),
      minTimer: fc.constantFrom(Infinity, 0, 5, -7),
    }),
    { maxLength: 30, selector: ({ keyGroup, key }) => `${keyGroup}:${key}` },
  )
  .map((rows) => rows.map((one) => row(one.keyGroup, one.key, one.value, one.minTimer)).sort(byRow))

async function storeRun(
  storage: MemoryStorage,
  checkpointId: number,
  rows: readonly Row[],
): Promise<readonly SegmentRef[]> {
  const writer = new SegmentRunWriter(storage, { ...target, checkpointId, run: 's' }, 150)
  await addRows(writer, rows)
  return writer.finish()
}

/** What a map says that is written run by run. */
function overlay(oldestFirst: readonly (readonly Row[])[]): Row[] {
  const newest = new Map<string, Row>()
  for (const rows of oldestFirst) for (const one of rows) newest.set(`${one.keyGroup}:${one.key.toString('hex')}`, one)
  return [...newest.values()].sort(byRow)
}

const read = async (storage: MemoryStorage, refs: readonly SegmentRef[]): Promise<Row[]> =>
  rowsOf(await openRun(storage, refs, 0, 0xffff))

describe('merging segments', () => {
  it('gives what overlaying maps gives, for any runs and key-group range', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(runOf, { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 6 }),
        fc.nat({ max: 6 }),
        fc.boolean(),
        async (runs, first, last, dropTombstones) => {
          const storage = new MemoryStorage()
          const refs: SegmentRef[] = []
          for (const [i, rows] of runs.entries()) refs.push(...(await storeRun(storage, i, rows)))
          const range = { firstKeyGroup: first, lastKeyGroup: last, dropTombstones }
          const whole = { ...target, checkpointId: 9, run: 'm', maxSegmentBytes: 200, ...range }
          const merged = await mergeSegmentFiles(storage, refs, whole)
          const expected = overlay(runs)
            .filter(({ keyGroup }) => keyGroup >= first && keyGroup <= last)
            .filter(({ value }) => !dropTombstones || value !== undefined)
          expect(await read(storage, merged)).toEqual(expected)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('in two steps gives what one step gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(runOf, { minLength: 3, maxLength: 5 }), fc.nat(), async (runs, at) => {
        const storage = new MemoryStorage()
        const refs: (readonly SegmentRef[])[] = []
        for (const [i, rows] of runs.entries()) refs.push(await storeRun(storage, i, rows))
        const all = { ...target, firstKeyGroup: 0, lastKeyGroup: 6 }
        const from = at % (runs.length - 1)
        const step = { ...all, checkpointId: 8, run: 'm1', dropTombstones: from === 0 }
        const middle = await mergeSegmentFiles(storage, refs.slice(from, from + 2).flat(), step)
        const rest = [...refs.slice(0, from), middle, ...refs.slice(from + 2)].flat()
        const result = await mergeSegmentFiles(storage, rest, {
          ...all,
          checkpointId: 9,
          run: 'm2',
          dropTombstones: true,
        })
        expect(await read(storage, result)).toEqual(overlay(runs).filter(({ value }) => value !== undefined))
      }),
      { numRuns: 100 },
    )
  })

  it('leaves its inputs alone, and fails as a whole when a write does', async () => {
    const storage = new MemoryStorage()
    const refs = [...(await storeRun(storage, 1, [row(0, 'a', '1')])), ...(await storeRun(storage, 2, [row(0, 'a')]))]
    const before = [...storage.files.keys()]
    const all = { ...target, firstKeyGroup: 0, lastKeyGroup: 6, checkpointId: 3, run: 'm', dropTombstones: false }
    const failing = new FaultyStorage(storage, (operation) => (operation === 'write' ? 'fails' : 'pass'))
    await expect(mergeSegmentFiles(failing, refs, all)).rejects.toMatchObject({ code: 'MILLRACE_STORAGE' })
    expect([...storage.files.keys()]).toEqual(before)
    expect(await mergeSegmentFiles(storage, refs, { ...all, dropTombstones: true })).toEqual([])
    expect([...storage.files.keys()]).toEqual(before)
  })

  it('names the damaged block of a damaged input', async () => {
    const storage = new MemoryStorage()
    const refs = await storeRun(storage, 1, [row(0, 'a', '1')])
    const path = refs[0]?.path as string
    const bytes = storage.files.get(path) as Buffer
    bytes[3] = (bytes[3] as number) ^ 4
    const all = { ...target, firstKeyGroup: 0, lastKeyGroup: 6, checkpointId: 3, run: 'm', dropTombstones: false }
    await expect(mergeSegmentFiles(storage, refs, all)).rejects.toMatchObject({
      code: 'MILLRACE_CORRUPT',
      message: `checkpoint file memory:/${path} is damaged: block 0 does not match its checksum`,
    })
  })
})
