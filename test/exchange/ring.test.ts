import { describe, expect, it } from 'vitest'
import { createRing, openRing, RING_WORD, type RingMemory } from '../../runtime/exchange/ring.js'
import { RingReader } from '../../runtime/exchange/ring-reader.js'
import { RingWriter } from '../../runtime/exchange/ring-writer.js'

const nobody = { wake: () => {} }

function open(
  capacity: number,
  start = 0,
): { memory: RingMemory; writer: RingWriter; reader: RingReader; woken: number[] } {
  const memory = openRing(createRing(capacity, 7))
  memory.store(RING_WORD.WRITTEN, start)
  memory.store(RING_WORD.READ, start)
  const woken: number[] = []
  const waker = { wake: (slot: number) => void woken.push(slot) }
  return { memory, writer: new RingWriter(memory, 7, waker, 1), reader: new RingReader(memory, 7, waker, 0), woken }
}

function bytes(length: number, seed: number): Buffer {
  const made = Buffer.alloc(length)
  for (let i = 0; i < length; i++) made[i] = i * 31 + (i >> 8) + seed
  return made
}

/** Writes all frames, reading whenever the ring is full. */
function passThrough(capacity: number, lengths: readonly number[], start = 0): Buffer[] {
  const { writer, reader } = open(capacity, start)
  const read: Buffer[] = []
  const drain = (): void => {
    for (let frame = reader.poll(); frame !== undefined; frame = reader.poll()) {
      read.push(Buffer.from(frame.data.bytes.subarray(frame.from, frame.to)))
      reader.release()
    }
  }
  lengths.forEach((length, i) => {
    while (!writer.tryWrite(1, bytes(length, i), 0, length)) drain()
  })
  drain()
  return read
}

describe('a ring', () => {
  it.each([0, 0x7fffffff & -16, -48])('passes frames of all lengths in order, from position %i', (start) => {
    const lengths = Array.from({ length: 200 }, (_, i) => (i * 37) % 300)
    expect(passThrough(256, lengths, start)).toEqual(lengths.map(bytes))
  })

  it('passes a record of 5 MB through 256 KB', () => {
    const [read] = passThrough(1 << 18, [5_000_000])
    expect(read!.equals(bytes(5_000_000, 0))).toBe(true)
  })

  it('shows a frame in the memory of the ring itself, at a multiple of 8', () => {
    const { memory, writer, reader } = open(1024)
    for (let i = 1; i < 4; i++) {
      expect(writer.tryWrite(i, bytes(20, i), 5, 18)).toBe(true)
      const frame = reader.poll()!
      expect(frame.data).toBe(memory.data)
      expect(frame.from % 8).toBe(0)
      expect(frame.kind).toBe(i)
      expect(frame.data.bytes.subarray(frame.from, frame.to).equals(bytes(20, i).subarray(5, 18))).toBe(true)
      expect(reader.poll()).toBe(frame)
      reader.release()
    }
    expect(reader.poll()).toBeUndefined()
  })

  it('refuses to write when full, says so without blocking, and goes on after a release', () => {
    const { writer, reader } = open(128)
    const frame = bytes(16, 0)
    for (let i = 0; i < 4; i++) expect(writer.tryWrite(1, frame, 0, 16)).toBe(true)
    expect(writer.freeBytes).toBe(0)
    expect(writer.tryWrite(1, frame, 0, 16)).toBe(false)
    expect(writer.hasRoom()).toBe(false)
    reader.poll()
    reader.release()
    expect(writer.hasRoom()).toBe(true)
    expect(writer.tryWrite(1, frame, 0, 16)).toBe(true)
  })

  it('wakes a writer that waits for room only once half the ring is free', () => {
    const { writer, reader, woken } = open(128)
    while (writer.tryWrite(1, bytes(16, 0), 0, 16));
    writer.hasRoom()
    woken.length = 0
    const read = (): void => {
      reader.poll()
      reader.release()
    }
    read()
    expect(woken).toEqual([])
    read()
    expect(woken).toEqual([0])
    read()
    expect(woken).toEqual([0])
  })

  it('ends for the reader when it is closed and empty', () => {
    const { writer, reader } = open(128)
    writer.tryWrite(1, bytes(4, 0), 0, 4)
    writer.close()
    expect(reader.isEnded()).toBe(false)
    reader.poll()
    reader.release()
    expect(reader.isEnded()).toBe(true)
  })

  it('refuses sizes that are no power of two', () => {
    expect(() => createRing(1000, 1)).toThrow('a ring of 1000 bytes is not a power of two')
  })
})

describe('a broken channel is an internal error', () => {
  const internal = expect.objectContaining({ code: 'MILLRACE_INTERNAL' })

  it('when a ring of another attempt is opened', () => {
    const memory = openRing(createRing(128, 1))
    expect(() => new RingWriter(memory, 2, nobody, 1)).toThrow(internal)
    expect(() => new RingReader(memory, 2, nobody, 0)).toThrow(internal)
  })

  it.each([
    ['attempt', 0, 6],
    ['sequence', 4, 1],
    ['length', 8, -1],
    ['length', 8, 1 << 20],
  ])('when the %s of a frame is wrong', (_name, at, value) => {
    const { memory, writer, reader } = open(128)
    writer.tryWrite(1, bytes(4, 0), 0, 4)
    memory.setInt(at, value)
    expect(() => reader.poll()).toThrow(internal)
  })

  it('when a frame is read twice', () => {
    const { memory, writer, reader } = open(128)
    writer.tryWrite(1, bytes(4, 0), 0, 4)
    reader.poll()
    reader.release()
    memory.store(RING_WORD.WRITTEN, 32 + 128)
    expect(() => {
      while (reader.poll() !== undefined) reader.release()
    }).toThrow(internal)
  })

  it('when a payload changes its length half written', () => {
    const { writer } = open(128)
    expect(writer.tryWrite(1, bytes(400, 0), 0, 400)).toBe(false)
    expect(() => writer.tryWrite(1, bytes(40, 0), 0, 40)).toThrow(internal)
  })
})
