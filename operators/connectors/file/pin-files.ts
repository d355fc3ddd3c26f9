import { open } from 'node:fs/promises'
import { MillraceError } from '../../../runtime/contract/errors.js'
import { errnoOf, inputError } from './file-errors.js'
import type { PinnedFile } from './file-split.js'
import { changedInput, fingerprint, HEAD_BYTES } from './split-file.js'

const AT_ONCE = 16

/** Size and fingerprint of each file as it is now. A compressed file is MILLRACE_INPUT. */
export async function pinFiles(paths: readonly string[]): Promise<PinnedFile[]> {
  return eachOf(paths, async (path) => {
    const { size, head } = await look(path, HEAD_BYTES)
    if (path.endsWith('.gz') || (head[0] === 0x1f && head[1] === 0x8b)) {
      throw new MillraceError('MILLRACE_INPUT', `input ${path} is compressed with gzip, which cannot be read`, {
        hint: 'decompress it first: gunzip --keep',
      })
    }
    return { path, size, head: fingerprint(head) }
  })
}

/**
 * Compares files with what was pinned: gone, shrunk or other content is MILLRACE_INPUT. Returns those that have grown.
 */
export async function verifyFiles(files: readonly PinnedFile[]): Promise<(PinnedFile & { readonly now: number })[]> {
  const seen = await eachOf(files, async (file) => {
    const { size, head } = await look(file.path, Math.min(HEAD_BYTES, file.size)).catch((error: unknown) => {
      if (errnoOf((error as Error).cause) === 'ENOENT')
        throw changedInput(file.path, 'is gone, and a checkpoint reads it')
      throw error
    })
    if (size < file.size) {
      throw changedInput(file.path, `has shrunk: ${file.size} bytes when the job started, ${size} now`)
    }
    if (fingerprint(head) !== file.head) throw changedInput(file.path, 'has other content than when the job started')
    return { ...file, now: size }
  })
  return seen.filter((file) => file.now > file.size)
}

async function look(path: string, bytes: number): Promise<{ readonly size: number; readonly head: Buffer }> {
  try {
    await using handle = await open(path, 'r')
    const { size } = await handle.stat()
    const head = Buffer.alloc(Math.min(bytes, size))
    const { bytesRead } = await handle.read(head, 0, head.length, 0)
    return { size, head: head.subarray(0, bytesRead) }
  } catch (error) {
    throw inputError(path, error)
  }
}

/** Runs `visit` on all, some at once, results in order. */
async function eachOf<A, B>(items: readonly A[], visit: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = []
  for (let i = 0; i < items.length; i += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(visit))))
  }
  return results
}
