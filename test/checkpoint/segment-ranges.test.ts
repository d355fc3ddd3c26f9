import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SegmentRef } from '../../runtime/checkpoint/manifest.js'
import { SegmentBuilder } from '../../runtime/checkpoint/segment-builder.js'
import { SegmentRanges } from '../../runtime/checkpoint/segment-ranges.js'
import { rowPosition } from '../../runtime/codec/row-position.js'
import { FaultyStorage } from '../storage/faulty-storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { addRows, byRow, row, type Row } from './rows.js'

const LAST_GROUP = 3

function keyAt(hash: number, rest: string = ''): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(hash)
  return Buffer.concat([bytes, Buffer.from(rest)])
}

/** Few positions, so that runs overlap and keys share a hash. */
const runOf: fc.Arbitrary<Row[]> = fc
  .uniqueArray(
    fc.record({
      keyGroup: fc.nat({ max: LAST_GROUP }),
      hash: fc.constantFrom(0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff),
      rest: fc.constantFrom('', 'a', 'ab', 'b'),
      value: fc.option(fc.string({ maxLength: 9 }), { nil: undefined }),
      minTimer: fc.constantFrom(Infinity, 0, 5, -7),
    }),
    { maxLength: 40, selector: ({ keyGroup, hash, rest }) => `${keyGroup}:${hash}:${rest}` },
  )
  .map((rows) =>
    rows
      .map(({ keyGroup, hash, rest, value, minTimer }) => row(keyGroup, keyAt(hash, rest), value, minTimer))
      .sort(byRow),
  )

async function storeRun(
  storage: MemoryStorage,
  rows: readonly Row[],
  checkpointId: number,
  blockBytes?: number,
): Promise<SegmentRef[]> {
  if (rows.length === 0) return []
  const builder = new SegmentBuilder(64, blockBytes)
  await addRows(builder, rows)
  const bytes = builder.finish()
  const path = `segments/${checkpointId}.seg`
  await storage.write(path, bytes)
  const { firstKeyGroup, lastKeyGroup, crc } = builder
  const of = { epoch: 1, checkpointId, uid: 'op', subtask: 0, run: 's' }
  return [{ path, ...of, firstKeyGroup, lastKeyGroup, rows: rows.length, bytes: bytes.length, crc }]
}

function overlay(oldestFirst: readonly (readonly Row[])[]): Row[] {
  const newest = new Map<string, Row>()
  for (const rows of oldestFirst) for (const one of rows) newest.set(`${one.keyGroup}:${one.key.toString('hex')}`, one)
  return [...newest.values()].filter(({ value }) => value !== undefined).sort(byRow)
}

function positionOf({ keyGroup, key }: Row): number {
  return rowPosition(keyGroup, key, 0)
}

type Rows = Awaited<ReturnType<SegmentRanges['read']>>

function taken(rows: Rows): Row[] {
  const all: Row[] = []
  while (rows.next()) {
    const { keyGroup, buffer, keyFrom, keyTo, valueFrom, valueTo, minTimer } = rows.row
    const bytes = Buffer.from(buffer)
    all.push(row(keyGroup, bytes.subarray(keyFrom, keyTo), bytes.subarray(valueFrom, valueTo), minTimer))
  }
  return all
}

describe('SegmentRanges', () => {
  it('gives what overlaying maps gives, range by range and position by position', async () => {
    const runs = fc.array(runOf, { minLength: 1, maxLength: 5 })
    const sizes = fc.tuple(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 200 }))
    await fc.assert(
      fc.asyncProperty(runs, sizes, fc.nat({ max: LAST_GROUP }), async (runs, [blockBytes, rangeBytes], first) => {
        const storage = new MemoryStorage()
        const refs: SegmentRef[] = []
        for (const [i, rows] of runs.entries()) refs.push(...(await storeRun(storage, rows, i, blockBytes)))
        const ranges = await SegmentRanges.open(storage, refs, first, LAST_GROUP, rangeBytes)
        const expected = overlay(runs).filter(({ keyGroup }) => keyGroup >= first)
        const found: Row[] = []
        for (let i = 0; i + 1 < ranges.bounds.length; i++) {
          const inRange = taken(await ranges.read(ranges.bounds[i]!, ranges.bounds[i + 1]!))
          expect(ranges.minTimer(i)).toBeLessThanOrEqual(Math.min(Infinity, ...inRange.map((one) => one.minTimer)))
          found.push(...inRange)
        }
        expect(found).toEqual(expected)
        for (const position of new Set(runs.flat().map(positionOf))) {
          const there = expected.filter((one) => positionOf(one) === position)
          if (position >= ranges.bounds[0]!) expect(taken(await ranges.readAt([position]))).toEqual(there)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('reads nothing, nearly always, for keys that it does not hold', async () => {
    const storage = new MemoryStorage()
    const rows = Array.from({ length: 20_000 }, (_, i) => row(0, keyAt(i * 200_000, 'key'), 'value'))
    const [refs, later] = [await storeRun(storage, rows, 1), await storeRun(storage, rows.slice(0, 5_000), 2)]
    let reads = 0
    const counting = new FaultyStorage(storage, () => {
      reads++
      return 'pass'
    })
    const ranges = await SegmentRanges.open(counting, [...refs, ...later], 0, 0)
    expect(ranges.bounds.length).toBeGreaterThan(5)
    reads = 0
    for (let i = 0; i < 1_000; i++) expect(taken(await ranges.readAt([i * 200_000 + 77]))).toEqual([])
    expect(reads).toBeLessThan(50)
  })

  it('names the file of a block that was altered, when it is read', async () => {
    const storage = new MemoryStorage()
    const refs = await storeRun(storage, [row(0, keyAt(5), 'value'), row(2, keyAt(7), 'other')], 1, 8)
    storage.files.get('segments/1.seg')![12]! ^= 1
    const ranges = await SegmentRanges.open(storage, refs, 0, 3, 8)
    const other = rowPosition(2, keyAt(7), 0)
    expect(taken(await ranges.readAt([other]))).toHaveLength(1)
    await expect(ranges.readAt([5])).rejects.toMatchObject({
      code: 'MILLRACE_CORRUPT',
      message: expect.stringContaining('segments/1.seg is damaged: block 0') as string,
    })
  })
})
