import type { Dirent, Stats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { MillraceError } from '../../../runtime/contract/errors.js'
import { errnoOf, inputError } from './file-errors.js'

/**
 * The input files that `paths` name, sorted, each once. A path is a file, a folder (all files below it) or a glob; what exists under
 * exactly that name is never taken for a glob. In folders and globs, files and folders that begin with `.` or `_` are left out, as in
 * Flink's file source: they are what others have not finished writing. Nothing found, or not readable: MILLRACE_INPUT.
 */
export async function listFiles(paths: readonly string[], warn: (message: string) => void): Promise<string[]> {
  const found = new Map<string, string>()
  for (const path of paths) {
    for (const file of await filesOf(path)) {
      const key = resolve(file)
      if (found.has(key)) warn(`input ${file} is named more than once: it is read once`)
      else found.set(key, file)
    }
  }
  return [...found.values()].sort(byCodeUnits)
}

/** Order of UTF-16 code units: the same on every machine. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

async function filesOf(path: string): Promise<string[]> {
  if (path === '') {
    throw new MillraceError('MILLRACE_INPUT', 'an input path is empty', {
      hint: 'name a file, a folder or a glob: file:PATH',
    })
  }
  const stats = await statOf(path)
  const files = stats === undefined ? await globFiles(path) : stats.isDirectory() ? await filesBelow(path, []) : [path]
  if (files.length === 0) {
    throw new MillraceError('MILLRACE_INPUT', `no input file found: ${path}`, {
      hint:
        stats === undefined
          ? 'check the path; a relative one starts at the working directory'
          : 'the folder has no files but such as begin with . or _',
    })
  }
  if (stats !== undefined && !stats.isDirectory() && !stats.isFile()) {
    throw new MillraceError('MILLRACE_INPUT', `input ${path} is not a regular file`, {
      hint: 'copy its content into a file',
    })
  }
  return files
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw inputError(path, error)
  }
}

async function globFiles(pattern: string): Promise<string[]> {
  const { glob, isDynamicPattern } = await import('tinyglobby')
  if (!isDynamicPattern(pattern)) return []
  const files = await glob(pattern, { absolute: isAbsolute(pattern), expandDirectories: false })
  const named = new Set(pattern.split('/'))
  return files.filter((file) => file.split('/').every((part) => named.has(part) || !isHidden(part)))
}

/** Follows links, but not into a folder that it is in. */
async function filesBelow(folder: string, above: readonly string[]): Promise<string[]> {
  const real = await realpath(folder)
  if (above.includes(real)) return []
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw inputError(folder, error)
  })
  const files: string[] = []
  for (const entry of entries) {
    if (isHidden(entry.name)) continue
    const path = folder.endsWith('/') ? folder + entry.name : `${folder}/${entry.name}`
    const kind = await kindOf(entry, path)
    if (kind === 'folder') files.push(...(await filesBelow(path, [...above, real])))
    else if (kind === 'file') files.push(path)
  }
  return files
}

async function kindOf(entry: Dirent, path: string): Promise<'file' | 'folder' | 'other'> {
  let target: Dirent | Stats = entry
  if (entry.isSymbolicLink()) {
    target = await stat(path).catch((error: unknown) => {
      throw inputError(path, error)
    })
  }
  return target.isFile() ? 'file' : target.isDirectory() ? 'folder' : 'other'
}

function isHidden(name: string): boolean {
  return name.startsWith('.') || name.startsWith('_')
}
