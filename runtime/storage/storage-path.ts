import { MillraceError } from '../contract/errors.js'

/** Refuses a path that could leave the storage's root or mean different files in different storages (a bug of the engine). */
export function checkStoragePath(path: string): void {
  for (const part of path.split('/')) {
    if (
      part === '' ||
      part === '.' ||
      part === '..' ||
      part.startsWith('.tmp-') ||
      part.includes('\\') ||
      part.includes('\0')
    ) {
      throw new MillraceError('MILLRACE_INTERNAL', `"${path}" is not a path in checkpoint storage`)
    }
  }
}

/** Order of `list`: by UTF-16 code units, the same in every storage. */
export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0
}
