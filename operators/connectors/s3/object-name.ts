import { createHash } from 'node:crypto'
import { escapeRun, escapeUid } from '../file/part-name.js'

// The name of an object, and of its upload from the first part on:
//
//     <prefix>/<partition>/part-<run>-<uid>-<subtask>-e<epoch>a<attempt>s<sequence>.jsonl
//
// No two attempts share one, so nothing that is published is ever overwritten.

/** What a writer's objects have in common. */
export interface ObjectOwner {
  readonly runId: string
  readonly uid: string
  readonly subtask: number
  readonly epoch: number
  readonly attempt: number
}

/** Of a key in S3, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024

/** The key of a writer's n-th object. `prefix` and `partition` are empty or end in no slash. */
export function objectKey(
  prefix: string,
  partition: string,
  owner: ObjectOwner,
  sequence: number,
  extension: string,
): string {
  const { runId, uid, subtask, epoch, attempt } = owner
  const name = `part-${escapeRun(runId)}-${escapeUid(uid)}-${subtask}-e${epoch}a${attempt}s${sequence}${extension}`
  return [prefix, partition, name].filter((part) => part !== '').join('/')
}

/** Matches the last part of the keys of one sink of one run; group 1 is the epoch. */
export function ownNamePattern(runId: string, uid: string): RegExp {
  const own = `part-${escapeRun(runId)}-${escapeUid(uid)}`.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${own}-\\d+-e(\\d+)a\\d+s\\d+\\.[\\w.]+$`)
}

/** What the object of an upload carries in its metadata: by it a committer knows its own work again. */
export function objectToken(key: string, owner: ObjectOwner): string {
  const { runId, uid, epoch, attempt, subtask } = owner
  return createHash('sha256')
    .update(JSON.stringify([key, runId, uid, subtask, epoch, attempt]))
    .digest('hex')
    .slice(0, 32)
}
