import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { localStorageError, systemCode } from './local-errors.js'

/**
 * Makes the folder and its parents, and fsyncs each parent that got a new entry. Not `mkdir(recursive)`: on Node 20 that never returns
 * where the kernel answers ENOENT for a folder in an existing one (`/proc/x`).
 */
export async function makeFolder(folder: string, parentExists: boolean = false): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return
    if (code !== 'ENOENT' || parentExists || dirname(folder) === folder) throw error
    await makeFolder(dirname(folder))
    return makeFolder(folder, true)
  }
  await syncFolder(dirname(folder))
}

/** What was created, renamed or deleted in the folder survives a power failure from here on. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    // Windows cannot open folders; it orders their changes itself.
    if (process.platform === 'win32') return
    throw localStorageError('make durable', folder, error)
  }
}
