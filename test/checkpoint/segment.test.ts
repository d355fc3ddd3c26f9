import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SegmentRef } from '../../runtime/checkpoint/manifest.js'
import { SegmentBuilder } from '../../runtime/checkpoint/segment-builder.js'
import { FOOTER_BYTES, NO_TIMER } from '../../runtime/checkpoint/segment-format.js'
import { SegmentReader } from '../../runtime/checkpoint/segment-reader.js'
import { groupRuns, SegmentRunWriter } from '../../runtime/checkpoint/segment-run.js'
import { crc32 } from '../../runtime/codec/crc32.js'
import { FaultyStorage } from '../storage/faulty-storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { addRows, byRow, row, rowsOf, segmentOf, type Row } from './rows.js'

const target = { epoch: 2, checkpointId: 5, uid: 'averages', subtask: 1, run: 's' }

const corrupt = (part: string): Error =>
  expect.objectContaining({ code: 'MILLRACE_CORRUPT', message: expect.stringContaining(part) as string }) as Error

/** Distinct rows in order. */
export const sortedRows = (maxLength: number): fc.Arbitrary<Row[]> =>
  fc
    .uniqueArray(
      fc.record({
        keyGroup: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 0xffff })),
        key: fc.uint8Array({ maxLength: 12 }),
        value: fc.option(fc.uint8Array({ maxLength: 200 }), { nil: undefined }),
        minTimer: fc.oneof(fc.constant(NO_TIMER), fc.integer(), fc.double({ noNaN: true })),
      }),
      { maxLength, selector: ({ keyGroup, key }) => `${keyGroup}:${key.join()}` },
    )
    .map((rows) => {
      return rows
        .map((one) => row(one.keyGroup, Buffer.from(one.key), one.value && Buffer.from(one.value), one.minTimer))
        .sort(byRow)
    })

const many: Row[] = Array.from({ length: 500 }, (_, i) =>
  row(i >> 3, `key-${String(i).padStart(5, '0')}`, `value ${i}`, i === 77 ? 1234 : NO_TIMER),
)

describe('a segment', () => {
  it('gives back any rows, in blocks of any size', async () => {
    await fc.assert(
      fc.asyncProperty(sortedRows(60), fc.integer({ min: 1, max: 2000 }), async (rows, blockBytes) => {
        const reader = SegmentReader.fromBytes('s', await segmentOf(rows, blockBytes))
        expect(reader.rows).toBe(rows.length)
        expect(await rowsOf(reader.cursor())).toEqual(rows)
        expect(reader.minTimer()).toBe(Math.min(NO_TIMER, ...rows.map(({ minTimer }) => minTimer)))
      }),
      { numRuns: 150 },
    )
  })

  it('gives the rows of a key-group range', async () => {
    await fc.assert(
      fc.asyncProperty(sortedRows(60), fc.nat({ max: 6 }), fc.nat({ max: 6 }), async (rows, first, last) => {
        const reader = SegmentReader.fromBytes('s', await segmentOf(rows, 64))
        const inside = rows.filter(({ keyGroup }) => keyGroup >= first && keyGroup <= last)
        expect(await rowsOf(reader.cursor(first, last))).toEqual(inside)
      }),
      { numRuns: 150 },
    )
  })

  it('keeps keys and values far larger than a block', async () => {
    const rows = [row(0, 'a', Buffer.alloc(300_000, 7)), row(0, Buffer.alloc(200_000, 'z'), 'x'), row(9, '', '')]
    const read = await rowsOf(SegmentReader.fromBytes('s', await segmentOf(rows)).cursor())
    expect(isDeepStrictEqual(read, rows)).toBe(true)
  })

  it('knows the earliest timer of each block', async () => {
    const reader = SegmentReader.fromBytes('s', await segmentOf(many, 1000))
    const with77 = reader.blocks.filter(({ minTimer }) => minTimer === 1234)
    expect(with77).toHaveLength(1)
    expect(reader.blocks.filter(({ minTimer }) => minTimer === NO_TIMER)).toHaveLength(reader.blocks.length - 1)
  })

  it.each([
    ['the same key twice', [row(1, 'a', '1'), row(1, 'a', '2')]],
    ['a smaller key', [row(1, 'b', '1'), row(1, 'a', '2')]],
    ['a prefix of the key before', [row(1, 'ab', '1'), row(1, 'a', '2')]],
    ['a smaller key group', [row(2, 'a', '1'), row(1, 'b', '2')]],
    ['a key group that is none', [row(0x10000, 'a', '1')]],
  ])('refuses %s', async (_, rows) => {
    await expect(segmentOf(rows)).rejects.toMatchObject({ code: 'MILLRACE_INTERNAL' })
  })

  it('notices every flipped bit, naming file and part', async () => {
    const bytes = await segmentOf(many.slice(0, 40), 300)
    const parts = new Set<string>()
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Uint8Array.from(bytes)
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8))
      const reading = (async () => rowsOf(SegmentReader.fromBytes('dir/x.seg', damaged).cursor()))()
      const error: unknown = await reading.catch((failure: unknown) => failure)
      expect(error).toMatchObject({ code: 'MILLRACE_CORRUPT' })
      parts.add(
        /^checkpoint file dir\/x\.seg is damaged: (.*) (?:does|is missing)/.exec((error as Error).message)?.[1] ?? '?',
      )
    }
    const blocks = SegmentReader.fromBytes('s', bytes).blocks.map((_, i) => `block ${i}`)
    expect([...parts]).toEqual([...blocks, 'its index', 'its footer', 'its end'])
  })

  it('notices every truncation', async () => {
    const bytes = await segmentOf(many.slice(0, 20), 100)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => SegmentReader.fromBytes('x', bytes.subarray(0, length))).toThrow(corrupt('damaged'))
    }
  })

  it('says that a newer format is newer', async () => {
    const bytes = Buffer.from(await segmentOf(many.slice(0, 5)))
    const footer = bytes.length - FOOTER_BYTES
    bytes.writeUInt16LE(3, footer + 24)
    bytes.writeUInt32LE(crc32(bytes, footer, footer + 26), footer + 26)
    expect(() => SegmentReader.fromBytes('x.seg', bytes)).toThrow(
      expect.objectContaining({
        code: 'MILLRACE_RESTORE',
        message: 'x.seg was written by a newer version of Millrace (format 3)',
      }) as Error,
    )
  })

  const few = [row(3, 'name', 'v', 5), row(4, 'gone')]
  /** 3, key 4 + timer, value 1, 5.0, name, v; then 4, key 4 + tombstone, gone. */
  const fewRows = '0300120100000000000014406e616d6576' + '040011676f6e65'

  it('has the bytes that version 2 writes', async () => {
    const bytes = Buffer.from(await segmentOf(few)).toString('hex')
    const index = '03000400020018216ec9a30000000000001440046e616d65' + '03cc2651'
    expect(bytes).toBe(fewRows + index + '1800000000001c000000010000000200000000001ca379ca020092e89eda4d4c52534547')
  })

  it('is read as version 1 wrote it', async () => {
    const index = '03000400020018216ec9a30000000000001440046e616d65'
    const bytes = fewRows + index + '1800000000001800000001000000020000000000266dd2320100159e276d4d4c52534547'
    const reader = SegmentReader.fromBytes('s', Buffer.from(bytes, 'hex'))
    expect(await rowsOf(reader.cursor())).toEqual(few)
  })
})

describe('a stored segment', () => {
  const store = async (rows: readonly Row[], maxBytes?: number): Promise<[MemoryStorage, readonly SegmentRef[]]> => {
    const storage = new MemoryStorage()
    const writer = new SegmentRunWriter(storage, target, maxBytes)
    await addRows(writer, rows)
    return [storage, await writer.finish()]
  }

  it('is described by its reference', async () => {
    const [storage, refs] = await store(many)
    const [ref] = refs as [SegmentRef]
    expect(refs).toHaveLength(1)
    expect(ref).toMatchObject({ ...target, firstKeyGroup: 0, lastKeyGroup: 62, rows: 500 })
    expect(storage.files.get(ref.path)?.length).toBe(ref.bytes)
    const reader = await SegmentReader.open(storage, ref)
    expect(await rowsOf(reader.cursor())).toEqual(many)
  })

  it('goes on in further segments when it grows too large, which are one run', async () => {
    const [storage, refs] = await store(many, 2000)
    expect(refs.length).toBeGreaterThan(4)
    expect(groupRuns(refs)).toEqual([refs])
    const rows: Row[] = []
    for (const ref of refs) rows.push(...(await rowsOf((await SegmentReader.open(storage, ref)).cursor())))
    expect(rows).toEqual(many)
  })

  it('of no rows is no file', async () => {
    const [storage, refs] = await store([])
    expect(refs).toEqual([])
    expect(storage.files.size).toBe(0)
  })

  it('is read in the blocks that are needed, several in one request', async () => {
    const storage = new MemoryStorage()
    const builder = new SegmentBuilder(64, 200)
    await addRows(builder, many)
    const bytes = builder.finish()
    await storage.write('x.seg', bytes)
    const { rows, crc } = builder
    const ref: SegmentRef = {
      ...target,
      path: 'x.seg',
      firstKeyGroup: 0,
      lastKeyGroup: 62,
      rows,
      bytes: bytes.length,
      crc,
    }
    const requests: string[] = []
    const counting = new FaultyStorage(storage, (operation) => {
      requests.push(operation)
      return 'pass'
    })
    const reader = await SegmentReader.open(counting, ref)
    expect(requests).toEqual(['readRange', 'readRange'])
    const inside = many.filter(({ keyGroup }) => keyGroup >= 30 && keyGroup <= 31)
    expect(await rowsOf(reader.cursor(30, 31))).toEqual(inside)
    expect(requests).toHaveLength(3)
    expect(await rowsOf(reader.cursor(30, 31, 250))).toEqual(inside)
    expect(requests.length).toBeGreaterThan(4)
  })

  it('that was exchanged for another, truncated or altered is named', async () => {
    const [storage, [ref]] = (await store(many)) as [MemoryStorage, [SegmentRef]]
    const path = `memory:/${ref.path}`
    const good = storage.files.get(ref.path) as Buffer
    const read = async (bytes: Buffer): Promise<Row[]> => {
      storage.files.set(ref.path, bytes)
      return rowsOf((await SegmentReader.open(storage, ref)).cursor())
    }
    await expect(read(Buffer.from(await segmentOf(many.slice(1))))).rejects.toMatchObject(corrupt(path))
    await expect(read(good.subarray(0, 100))).rejects.toMatchObject(corrupt(path))
    const altered = Buffer.from(good)
    altered[50] = (altered[50] as number) ^ 1
    await expect(read(altered)).rejects.toMatchObject(corrupt(`${path} is damaged: block 0`))
    storage.files.delete(ref.path)
    await expect(SegmentReader.open(storage, ref)).rejects.toMatchObject({
      code: 'MILLRACE_CORRUPT',
      message: expect.stringMatching(/\.seg is damaged: it is missing$/),
    })
  })
})
