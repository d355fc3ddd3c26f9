import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeMillraceFolder } from './bundle-files.js'

/**
 * A new folder for the threads' working stores: below `.millrace/.spill/` in the working directory, in the system's temporary folder where
 * that can't be written. Whatever earlier runs of the job left is removed: call it when the job is held.
 */
export function makeSpillFolder(jobId: string, storageUrl: string): string {
  const name = `${jobId}-${createHash('sha256').update(storageUrl).digest('hex').slice(0, 12)}`
  try {
    return emptied(join(makeMillraceFolder(process.cwd()), '.spill', name))
  } catch {
    return emptied(join(tmpdir(), 'millrace-spill', name))
  }
}

function emptied(folder: string): string {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return mkdtempSync(join(folder, 'run-'))
}
