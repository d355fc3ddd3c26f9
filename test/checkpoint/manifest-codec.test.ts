import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEntry, encodeEntry } from '../../runtime/checkpoint/manifest-codec.js'
import type { CheckpointManifest, EpochRecord } from '../../runtime/checkpoint/manifest.js'
import { crc32 } from '../../runtime/codec/crc32.js'
import { draft, identity, segmentRef, withSegments } from './manifests.js'

const manifest = (fields: Parameters<typeof draft>[0] = {}): CheckpointManifest => ({
  ...draft({ ...withSegments([segmentRef(1, 1)]), ...fields }),
  format: 1,
  kind: 'checkpoint',
  position: 7,
  epoch: 3,
  jobId: 'job',
})

const source = (watermark: number, split: unknown = {}): Parameters<typeof draft>[0] => ({
  sources: {
    readings: {
      enumerator: null,
      fingerprint: null,
      splits: [{ splitId: 'a', split: split as never, watermark }],
      finishedSubtasks: [],
    },
  },
})

describe('a manifest on disk', () => {
  it('comes back as it was, watermarks before the first and after the last record included', () => {
    for (const watermark of [-Infinity, Infinity, 0, -1, 1_700_000_000_123, 1.5]) {
      const written = manifest({
        ...source(watermark),
        operators: { x: { watermarks: [watermark, 5], finishedSubtasks: [1], segments: [] } },
      })
      expect(decodeEntry(encodeEntry(written), 'm')).toEqual(written)
    }
  })

  it('is JSON that a person can read', () => {
    const text = encodeEntry(manifest(source(-Infinity))).toString()
    const parsed = JSON.parse(text) as { format: number; entry: { position: number; sources: unknown } }
    expect(parsed).toMatchObject({
      format: 1,
      entry: { position: 7, sources: { readings: { splits: [{ watermark: '-inf' }] } } },
    })
    expect(text.split('\n').length).toBeGreaterThan(20)
  })

  it('keeps any JSON value and any uid', () => {
    const hostile = fc.constantFrom('__proto__', 'constructor', '', '\ud800', 'a"b\\', '\n', '7')
    const json = fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text) as unknown)
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(hostile, fc.string()), json), json, (states, enumerator) => {
        const sinks = Object.fromEntries(
          Object.entries(states).map(([uid, state]) => [
            uid,
            { output: '', writerStates: [state as never], committables: [] },
          ]),
        )
        const sources = Object.fromEntries(
          Object.keys(states).map((uid) => [
            uid,
            { enumerator: enumerator as never, fingerprint: -0, splits: [], finishedSubtasks: [] },
          ]),
        )
        const written = manifest({ sinks, sources })
        expect(isDeepStrictEqual(decodeEntry(encodeEntry(written), 'm'), written)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('keeps an epoch record', () => {
    const common = { nonce: 'n', jobId: 'j', runId: 'r', holder: identity(5), createdAtMs: 1 }
    const written: EpochRecord = { format: 1, kind: 'epoch', position: 2, epoch: 1, continues: null, ...common }
    expect(decodeEntry(encodeEntry(written), 'm')).toEqual(written)
  })

  it.each([
    ['NaN', NaN],
    ['infinity', { a: [Infinity] }],
    ['undefined', { a: undefined }],
    ['a class instance', { a: new Date(0) }],
    ['a bigint', 5n],
  ])('refuses %s in a position, naming the place', (_, split) => {
    expect(() => encodeEntry(manifest(source(0, split)))).toThrow(
      expect.objectContaining({
        code: 'MILLRACE_VALUE',
        message: expect.stringContaining('manifest.sources.readings.splits[0].split') as string,
      }) as Error,
    )
  })

  it('refuses a watermark that is not a number', () => {
    expect(() => encodeEntry(manifest(source(NaN)))).toThrow(/splits\[0\]\.watermark is NaN/)
  })

  it('notices every flipped bit and every truncation, and names the file', () => {
    const bytes = encodeEntry(manifest({ operators: {} }))
    const corrupt = expect.objectContaining({
      code: 'MILLRACE_CORRUPT',
      message: expect.stringContaining('dir/m7.json') as string,
    }) as Error
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => decodeEntry(flipped, 'dir/m7.json')).toThrow(corrupt)
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeEntry(bytes.subarray(0, length), 'dir/m7.json')).toThrow(corrupt)
    }
    expect(() => decodeEntry(Buffer.concat([bytes, bytes]), 'dir/m7.json')).toThrow(corrupt)
  })

  it('says that a newer format is newer, whatever is in it', () => {
    const text = '{ "anything": true }'
    const sum = crc32(Buffer.from(text), 0, text.length, crc32(Buffer.from('2\n')))
    const newer = `{\n  "format": 2,\n  "checksum": "crc32:${sum.toString(16).padStart(8, '0')}",\n  "entry": ${text}\n}\n`
    expect(() => decodeEntry(Buffer.from(newer), 'dir/m7.json')).toThrow(
      expect.objectContaining({
        code: 'MILLRACE_RESTORE',
        message: 'dir/m7.json was written by a newer version of Millrace (format 2)',
      }) as Error,
    )
  })
})
