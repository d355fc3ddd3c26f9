import { MillraceError } from '../contract/errors.js'
import type { CheckpointStorage } from './storage.js'

/**
 * Creates a file twice and deletes it: proves that the storage is writable and that only the first creation counts. Everything that
 * keeps two processes from committing the same position rests on the latter, and some S3 look-alikes ignore `If-None-Match`.
 */
export async function probeStorage(storage: CheckpointStorage, name: string): Promise<void> {
  const path = `probes/${name}`
  const bytes = Buffer.from('Millrace checks here that it can write. This file may be deleted.\n')
  await storage.createExclusive(path, bytes)
  const second = await storage.createExclusive(path, bytes)
  await storage.delete(path)
  if (second === 'created') {
    throw new MillraceError(
      'MILLRACE_STORAGE',
      `checkpoint storage ${storage.describe()} overwrites files that should be created only once`,
      {
        hint: 'two processes could commit the same checkpoint there; use storage that supports conditional writes (If-None-Match)',
      },
    )
  }
}
