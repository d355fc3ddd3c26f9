import { mkdir, open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { errnoOf, outputError } from './file-errors.js'

/** Creates the folder and those above it where missing, durably. MILLRACE_OUTPUT if that cannot be. */
export async function ensureFolder(folder: string): Promise<void> {
  try {
    const first = await mkdir(folder, { recursive: true })
    if (first !== undefined) await syncDownTo(resolve(folder), resolve(first))
    if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
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

/** Every folder that got a new entry: the parents of all that were created. */
async function syncDownTo(folder: string, first: string): Promise<void> {
  for (let created = folder; ; created = dirname(created)) {
    await syncFolder(dirname(created))
    if (created === first) return
  }
}
