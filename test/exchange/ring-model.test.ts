import { describe, expect, it } from 'vitest'
import { RING_WORD } from '../../runtime/exchange/ring.js'
import { RingWriter } from '../../runtime/exchange/ring-writer.js'
import { exploreRing } from './ring-programs.js'

// A ring of 128 bytes: a frame takes at most 32, of which 16 are its header.
describe('every interleaving of one writer and one reader, each memory access a step', () => {
  it.each([
    ['a few small frames', [4, 0, 8], 0],
    ['a ring that fills', [16, 16, 16, 16, 16, 16, 16, 16, 16], 0],
    ['a ring that fills with empty frames', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0],
    ['pads at the end of the data area', [0, 16, 16, 16, 0, 16, 16], 0],
    ['a payload that the ring cannot hold as a whole', [0, 72, 4], 0],
    ['a payload in parts', [4, 40, 8], 0],
    ['room of a part that is written again at once', [24, 16, 16, 16, 16], 0],
    ['positions that pass 2^31', [16, 16, 12, 16], 0x80000000 - 64],
    ['positions that pass 2^32', [16, 24, 16], -48],
  ])('%s: nothing is lost, doubled, torn or raced, and nobody sleeps for ever', (_name, lengths, start) => {
    const { states, ends } = exploreRing(lengths, start | 0)
    expect(states).toBeGreaterThan(200)
    expect(ends).toBeGreaterThan(0)
  })
})

describe('the checker itself', () => {
  it('finds the lost wake-up of a slot that parks without looking again', () => {
    expect(() => exploreRing([4, 4], 0, { parksWithoutLooking: true })).toThrow('a lost wake-up')
  })

  it('finds the race of a frame that is published before it is copied', () => {
    expect(() => exploreRing([4, 4], 0, { publishesEarly: true })).toThrow('a data race')
  })

  it('finds the lost wake-up of a writer that asks for room only once', () => {
    class AsksOnce extends RingWriter {
      asked = 0
      override hasRoom(): boolean {
        const memory = (this as unknown as { memory: ConstructorParameters<typeof RingWriter>[0] }).memory
        if (this.asked === 0) memory.store(RING_WORD.WAITING, 1)
        this.asked = 1
        return this.freeBytes >= (this as unknown as { lacking: number }).lacking
      }
    }
    expect(() => exploreRing([16, 16, 16, 16, 16, 16, 16, 16, 16], 0, { makeWriter: AsksOnce })).toThrow(
      'a lost wake-up',
    )
  })
})
