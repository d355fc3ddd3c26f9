import { MillraceError } from '../contract/errors.js'

/** The system's error code (`ENOENT`...), if it is a system error. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** A failed file operation as MILLRACE_STORAGE: what was attempted, on which file, why it failed and what to do. */
export function localStorageError(action: string, path: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error
  const code = systemCode(error)
  const [reason, hint] = explain(code, error)
  return new MillraceError('MILLRACE_STORAGE', `cannot ${action} ${path}: ${reason}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  })
}

function explain(code: string | undefined, error: unknown): readonly [string, string | undefined] {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return [
        code === 'ENOSPC' ? 'disk full' : 'disk quota used up',
        'free space there, or choose another --checkpoint-dir',
      ]
    case 'EACCES':
    case 'EPERM':
      return ['permission denied', 'make the folder writable for this user, or choose another --checkpoint-dir']
    case 'EROFS':
      return ['the file system is read-only', 'choose another --checkpoint-dir']
    case 'ENOTDIR':
    case 'EEXIST':
      return ['a file is in the way of a folder', 'choose another --checkpoint-dir']
    case 'ENOENT':
      return ['no such file', undefined]
    case 'ENOTSUP':
    case 'ENOSYS':
    case 'EMLINK':
      return ['the file system has no hard links', 'choose a --checkpoint-dir on a local disk, or s3://bucket/prefix']
    default:
      return [error instanceof Error ? error.message : String(error), undefined]
  }
}
