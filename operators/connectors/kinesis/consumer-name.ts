import { createHash } from 'node:crypto'

/** Of the service: 1 to 128 letters, digits, `_`, `.` and `-`. */
const MAX_LENGTH = 128
const HASH_LENGTH = 8

/** What a job's own consumer of a source is called: readable, the same after each restart, different for each job and source. */
export function consumerNameFor(jobId: string, uid: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([jobId, uid]))
    .digest('hex')
    .slice(0, HASH_LENGTH)
  const readable = `millrace-${jobId}-${uid}`.replace(/[^a-zA-Z0-9_.-]+/g, '-')
  return `${readable.slice(0, MAX_LENGTH - HASH_LENGTH - 1)}-${hash}`
}
