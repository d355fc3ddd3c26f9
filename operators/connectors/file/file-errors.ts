import { MillraceError } from '../../../runtime/contract/errors.js'

const INPUT_HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'check the path; a relative one starts at the working directory',
  EACCES: 'give the process the right to read it',
  EPERM: 'give the process the right to read it',
  EMFILE: 'raise the limit of open files (ulimit -n)',
}

const OUTPUT_HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on that disk and submit the job again: it goes on from its last checkpoint',
  EDQUOT: 'make room in that quota and submit the job again: it goes on from its last checkpoint',
  EACCES: 'give the process the right to write there, or choose another folder',
  EPERM: 'give the process the right to write there, or choose another folder',
  EROFS: 'the file system is read-only: choose another folder',
  ENOTDIR: 'a part of that path is a file: choose another folder',
  EEXIST: 'there is a file of that name: choose another folder',
  EMFILE: 'raise the limit of open files (ulimit -n)',
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'not a folder',
  EEXIST: 'it exists and is not a folder',
  EMFILE: 'too many open files',
}

/** The system's name of an error: `ENOENT`. */
export function errnoOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

/** MILLRACE_INPUT for what the file system said about an input. */
export function inputError(path: string, cause: unknown): MillraceError {
  const code = errnoOf(cause)
  return new MillraceError('MILLRACE_INPUT', `input ${path} cannot be read: ${words(code, cause)}`, {
    hint: INPUT_HINTS[code] ?? 'check the path and the disk it is on',
    cause,
  })
}

/** MILLRACE_OUTPUT for what the file system said about an output. */
export function outputError(path: string, cause: unknown): MillraceError {
  const code = errnoOf(cause)
  return new MillraceError('MILLRACE_OUTPUT', `output ${path} cannot be written: ${words(code, cause)}`, {
    hint: OUTPUT_HINTS[code] ?? 'check the path and the disk it is on',
    cause,
  })
}

function words(code: string, cause: unknown): string {
  return WORDS[code] ?? (cause instanceof Error ? cause.message : String(cause))
}
