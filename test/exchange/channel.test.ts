import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChannelReader, ChannelWriter } from '../../runtime/exchange/channel.js'
import type { ControlElement } from '../../runtime/exchange/element.js'
import { FrameDecoder, FrameEncoder } from '../../runtime/exchange/frame-codec.js'
import { LocalChannel } from '../../runtime/exchange/local-channel.js'
import { createRing, openRing } from '../../runtime/exchange/ring.js'
import { RingChannelReader, RingChannelWriter } from '../../runtime/exchange/ring-channel.js'
import { RingReader } from '../../runtime/exchange/ring-reader.js'
import { RingWriter } from '../../runtime/exchange/ring-writer.js'

const MAX_RECORDS = 32
const nobody = { wake: () => {} }

function ringChannel(): [ChannelWriter, ChannelReader] {
  const ring = openRing(createRing(512, 1))
  return [
    new RingChannelWriter(new RingWriter(ring, 1, nobody, 1), new FrameEncoder(), MAX_RECORDS, true),
    new RingChannelReader(new RingReader(ring, 1, nobody, 0), new FrameDecoder(), MAX_RECORDS, true),
  ]
}

function localChannel(): [ChannelWriter, ChannelReader] {
  const channel = new LocalChannel(3, MAX_RECORDS, true)
  return [channel, channel]
}

type Step = ControlElement | { readonly kind: 'records'; readonly values: readonly unknown[] }

const time = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(Infinity, -Infinity))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('watermark' as const), time }),
  fc.record({ kind: fc.constant('barrier' as const), checkpointId: fc.nat(), timestamp: fc.nat() }),
  fc.constant({
    kind: 'barrier' as const,
    checkpointId: 2 ** 40,
    timestamp: 1,
    options: { savepoint: 'Größe', deep: [1, null] },
  }),
  fc.constantFrom({ kind: 'idle' as const }, { kind: 'active' as const }, { kind: 'end' as const }),
  fc.record({
    kind: fc.constant('records' as const),
    values: fc.array(fc.oneof(fc.string({ maxLength: 300 }), fc.record({ id: fc.string(), n: fc.integer() })), {
      maxLength: MAX_RECORDS,
    }),
  }),
)

function read(reader: ChannelReader): Step | undefined {
  const element = reader.poll()
  return element?.kind === 'records' ? { kind: 'records', values: element.values.slice(0, element.length) } : element
}

function write(writer: ChannelWriter, element: Step, whenFull: () => void): void {
  if (element.kind !== 'records') {
    while (!writer.tryWriteControl(element)) whenFull()
    return
  }
  const batch = writer.takeBatch()
  expect(batch.length).toBe(0)
  element.values.forEach((value, i) => batch.append(value, i, i))
  while (!writer.tryWriteRecords(batch)) whenFull()
}

describe.each([
  ['a channel between threads', ringChannel],
  ['a channel within a slot', localChannel],
])('%s', (_name, open) => {
  it('delivers records and control elements completely and in order, however often it is full', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.array(fc.nat(3)), (steps, pauses) => {
        const [writer, reader] = open()
        const seen: Step[] = []
        const readOne = (): void => {
          const element = read(reader)
          if (element !== undefined) seen.push(element)
        }
        steps.forEach((element, i) => {
          write(writer, element, readOne)
          for (let n = pauses[i] ?? 0; n > 0; n--) readOne()
        })
        while (reader.hasNext()) readOne()
        expect(seen).toEqual(steps)
      }),
    )
  })

  it('is bounded: refuses when full, says when there is room, and keeps what was refused with the writer', () => {
    const [writer, reader] = open()
    const idle: ControlElement = { kind: 'idle' }
    let written = 0
    while (writer.tryWriteControl(idle)) written++
    expect(written).toBeLessThan(100)
    expect(writer.hasRoom()).toBe(false)
    expect(reader.poll()).toEqual(idle)
    reader.release()
    expect(writer.hasRoom()).toBe(true)
    expect(writer.tryWriteControl(idle)).toBe(true)
  })

  it('says when what was written up to a moment has been taken, whatever is written later', () => {
    const [writer, reader] = open()
    expect(writer.taken()()).toBe(true)
    write(writer, { kind: 'records', values: ['a'] }, () => {})
    write(writer, { kind: 'idle' }, () => {})
    const taken = writer.taken()
    write(writer, { kind: 'active' }, () => {})
    for (const before of [false, false, true, true]) {
      expect(taken()).toBe(before)
      reader.poll()
      reader.release()
    }
    expect(writer.taken()()).toBe(true)
  })

  it('gives batches out again, empty', () => {
    const [writer, reader] = open()
    for (let round = 0; round < 5; round++) {
      write(writer, { kind: 'records', values: ['a', 'b'] }, () => {})
      expect(read(reader)).toEqual({ kind: 'records', values: ['a', 'b'] })
      reader.release()
      expect(writer.takeBatch().values.every((value) => value === undefined)).toBe(true)
    }
  })
})

describe('a channel between threads', () => {
  it('refuses another element before the one that waits', () => {
    const [writer] = ringChannel()
    const end: ControlElement = { kind: 'end' }
    while (writer.tryWriteControl(end));
    expect(() => writer.tryWriteControl({ kind: 'idle' })).toThrow(
      expect.objectContaining({ code: 'MILLRACE_INTERNAL' }),
    )
  })

  it('writes nothing of a batch that holds a value it refuses, and goes on', () => {
    const [writer, reader] = ringChannel()
    const batch = writer.takeBatch()
    batch.append(() => 1, 0, 0)
    expect(() => writer.tryWriteRecords(batch)).toThrow(expect.objectContaining({ code: 'MILLRACE_VALUE' }))
    batch.clear()
    expect(reader.hasNext()).toBe(false)
    write(writer, { kind: 'records', values: [1] }, () => {})
    expect(read(reader)).toEqual({ kind: 'records', values: [1] })
  })
})

describe('a channel within a slot', () => {
  it('passes records by reference', () => {
    const [writer, reader] = localChannel()
    const record = { a: 1 }
    write(writer, { kind: 'records', values: [record] }, () => {})
    const element = reader.poll()
    expect(element?.kind === 'records' && element.values[0] === record).toBe(true)
  })
})
