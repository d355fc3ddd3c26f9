import { mkdir, open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { errnoOf, outputError } from './file-errors.js'

/** Creates the folder and those above it where missing, durably. MILLRACE_OUTPUT if that cannot be. */
export async function ensureFolder(folder: string): Promise<void> {
  try {
    await create(resolve(folder))
  } catch (error) {
    throw outputError(folder, error)
  }
}

/** Makes the names in the folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, 'r')
    await handle.sync()
  } catch (error) {
    // Some network file systems cannot, and need not.
    if (errnoOf(error) !== 'EINVAL' && errnoOf(error) !== 'ENOTSUP') throw outputError(folder, error)
  }
}

/** Not `mkdir` with `recursive`: it never ends where a folder like /proc takes no new entries. */
async function create(folder: string): Promise<void> {
  if (await isFolder(folder)) return
  const above = dirname(folder)
  if (above !== folder) await create(above)
  try {
    await mkdir(folder)
  } catch (error) {
    // Another subtask was faster.
    if (errnoOf(error) === 'EEXIST' && (await isFolder(folder))) return
    throw error
  }
  await syncFolder(above)
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false
    throw error
  }
}
