import type { FileHandle } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { PartFile } from '../../../operators/connectors/file/part-file.js'

/** A file in memory that takes at most `most` bytes a write, as a disk may. */
function memoryFile(most: number): { open: () => Promise<FileHandle>; content: () => string; calls: string[] } {
  const written: Buffer[] = []
  const calls: string[] = []
  const handle = {
    write: async (bytes: Buffer, from: number) => {
      await Promise.resolve()
      const taken = Buffer.from(bytes.subarray(from, from + most))
      written.push(taken)
      return { bytesWritten: taken.length }
    },
    sync: async () => void calls.push('sync'),
    close: async () => void calls.push('close'),
  }
  return { open: async () => handle as unknown as FileHandle, content: () => Buffer.concat(written).toString(), calls }
}

describe('a part that is written', () => {
  it('holds all lines in order though buffers are used again and writes are short', async () => {
    const { open, content, calls } = memoryFile(100_000)
    const part = new PartFile(open)
    const lines: string[] = []
    for (let i = 0; i < 20_000; i++) {
      const line = `${i} ${'é'.repeat((i * 7) % 50)}`
      lines.push(line)
      part.append(line)
      // Sometimes the writing catches up, sometimes it does not.
      if (i % 3000 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await part.finish()
    expect(content()).toBe(`${lines.join('\n')}\n`)
    expect(part).toMatchObject({ lines: lines.length, bytes: Buffer.byteLength(content()) })
    expect(calls).toEqual(['sync', 'close'])
  })

  it('says that it is busy while more than 4 MB wait, and not when they are written', async () => {
    const { open } = memoryFile(Infinity)
    const part = new PartFile(open)
    const line = 'x'.repeat(1024 * 1024)
    for (let i = 0; i < 3; i++) part.append(line)
    expect(part.busy()).toBeUndefined()
    for (let i = 0; i < 3; i++) part.append(line)
    expect(part.busy()).toBeInstanceOf(Promise)
    await part.busy()
    expect(part.busy()).toBeUndefined()
    await part.abandon()
  })
})
