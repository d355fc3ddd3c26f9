import { describe, expect, it } from 'vitest'
import { ReadAhead } from '../../../operators/connectors/file/read-ahead.js'
import type { SplitFile } from '../../../operators/connectors/file/split-file.js'

/** A file whose bytes are a function of their offset, and the reads it got. */
function madeUpFile(): { file: SplitFile; reads: number[]; content: (from: number, length: number) => Buffer } {
  const reads: number[] = []
  const content = (from: number, length: number): Buffer =>
    Buffer.from(Array.from({ length }, (_, i) => Math.imul(from + i, 0x9e3779b1) >>> 24))
  const read = async (target: Uint8Array, offset: number): Promise<void> => {
    reads.push(offset)
    target.set(content(offset, target.length))
  }
  return { file: { read } as unknown as SplitFile, reads, content }
}

const CHUNK = 16 * 1024
/** So many splits that each gets the smallest chunks. */
const crowded = { count: 1_000_000 }

describe('reading ahead', () => {
  it('fetches the next chunk without touching the one in use', async () => {
    const { file, reads, content } = madeUpFile()
    const size = 5 * CHUNK + 7
    const ahead = new ReadAhead(file, 3, size, size, crowded)
    let offset = 3
    while (!ahead.finished) {
      await ahead.ready()
      const chunk = ahead.take()!
      expect(ahead.chunkOffset).toBe(offset)
      // By now the next is fetched.
      if (!ahead.finished) await ahead.ready()
      expect(chunk.equals(content(offset, chunk.length))).toBe(true)
      offset += chunk.length
    }
    expect(offset).toBe(size)
    expect(reads).toEqual([0, 1, 2, 3, 4, 5].map((i) => 3 + i * CHUNK))
  })

  it('behind the split happens only when a record goes on there', async () => {
    const { file, reads } = madeUpFile()
    const ahead = new ReadAhead(file, 0, CHUNK, 4 * CHUNK, crowded)
    await ahead.ready()
    ahead.take()
    await Promise.resolve()
    expect(reads).toEqual([0])
    await ahead.ready()
    expect(reads).toEqual([0, CHUNK])
  })

  it('keeps a failure until someone asks, and reads no further', async () => {
    const file = { read: () => Promise.reject(new Error('bad sector')) } as unknown as SplitFile
    const ahead = new ReadAhead(file, 0, 100, 100, crowded)
    await expect(ahead.ready()).rejects.toThrow('bad sector')
    await expect(ahead.ready()).rejects.toThrow('bad sector')
    expect(ahead.take()).toBeUndefined()
    await ahead.close()
  })
})
