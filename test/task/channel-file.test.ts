import { describe, expect, it } from 'vitest'
import { FrameStore } from '../../runtime/exchange/stored-frame.js'
import { RecordBatch } from '../../runtime/exchange/record-batch.js'
import { decodeInFlight, encodeInFlight, type InFlight } from '../../runtime/task/channel-file.js'

const frames = new FrameStore()

function batchOf(...values: unknown[]): RecordBatch {
  const batch = new RecordBatch(16, true)
  values.forEach((value, i) => batch.append(value, i, i * 7))
  return batch
}

function loaded({ element }: InFlight): unknown {
  if (element.kind !== 'frame') return element
  const batch = new RecordBatch(16, true)
  frames.load(element, batch)
  return batch.values.slice(0, batch.length).map((value, i) => [value, batch.timestamps[i], batch.keyGroups![i]])
}

const inFlight: InFlight[] = [
  { edge: 0, sender: 3, element: frames.store(batchOf({ id: 1, text: 'ä' }, { id: 2, text: 'b' })) },
  { edge: 1, sender: 127, element: { kind: 'watermark', time: Infinity } },
  { edge: 0, sender: 0, element: { kind: 'idle' } },
  { edge: 0, sender: 3, element: frames.store(batchOf('x', 2n, null, [1], { a: -0 })) },
]

describe('a file of records in flight', () => {
  it('gives back what was written, in order', () => {
    const { bytes, crc } = encodeInFlight(inFlight)
    const read = decodeInFlight(bytes, { path: 'file', crc })
    expect(read.map(({ edge, sender }) => [edge, sender])).toEqual(inFlight.map(({ edge, sender }) => [edge, sender]))
    expect(read.map(loaded)).toEqual(inFlight.map(loaded))
    expect(loaded(read[3]!)).toEqual([
      ['x', 0, 0],
      [2n, 1, 7],
      [null, 2, 14],
      [[1], 3, 21],
      [{ a: -0 }, 4, 28],
    ])
  })

  it('is refused by name when any bit of it is another one', () => {
    const { bytes, crc } = encodeInFlight(inFlight)
    for (let at = 0; at < bytes.length; at += 5) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 1 << (at % 8)
      expect(() => decodeInFlight(damaged, { path: 'segments/e1.channels', crc })).toThrow(
        expect.objectContaining({
          code: 'MILLRACE_CORRUPT',
          message: expect.stringContaining('segments/e1.channels') as string,
        }),
      )
    }
    expect(() => decodeInFlight(bytes.subarray(0, 8), { path: 'short', crc })).toThrow(/damaged/)
  })

  it('is read for ever: these bytes were written by version 1', () => {
    const written = Buffer.from(WRITTEN, 'hex')
    const { bytes, crc } = encodeInFlight([inFlight[0]!, inFlight[1]!])
    expect(bytes.toString('hex')).toBe(WRITTEN)
    expect(decodeInFlight(written, { path: 'file', crc }).map(loaded)).toEqual([inFlight[0]!, inFlight[1]!].map(loaded))
  })
})

const WRITTEN =
  '4d5249460100000000000000000000000000000003000000010000004000000002000000020000000200000000000000000000000100000000000700000000000000000018000000b282696484746578740181e4b28269648474657874028162010000007f0000000200000008000000000000000000f07f0000000000000000'
