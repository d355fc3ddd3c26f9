import { MillraceError } from '../contract/errors.js'
import { LocalCopies, splitCopies } from './local-copies.js'
import { LocalStorage } from './local-storage.js'
import { S3Storage } from './s3-storage.js'
import type { CheckpointStorage } from './storage.js'

/**
 * Checkpoint storage from what `--checkpoint-dir` takes: a folder (relative to the working directory) or `s3://bucket/prefix`. Touches
 * nothing yet. Threads open their own from `storage.describe()`. A URL of another kind is MILLRACE_USAGE.
 */
export function openStorage(url: string): CheckpointStorage {
  if (url.startsWith('s3://')) {
    const { url: place, folder } = splitCopies(url)
    const storage = S3Storage.fromUrl(place)
    return folder === undefined ? storage : new LocalCopies(storage, folder)
  }
  const hint = 'give a folder or s3://bucket/prefix'
  if (url.trim() === '') throw new MillraceError('MILLRACE_USAGE', '--checkpoint-dir is empty', { hint })
  const scheme = /^[a-z][a-z0-9+.-]+:/i.exec(url)
  if (scheme !== null)
    throw new MillraceError('MILLRACE_USAGE', `--checkpoint-dir ${url}: "${scheme[0]}" is not known`, { hint })
  return new LocalStorage(url)
}
