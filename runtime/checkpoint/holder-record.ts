import { crc32 } from '../codec/crc32.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { ProcessIdentity } from './manifest.js'
import type { ProcessFacts } from './process-facts.js'

/** Where the holder's record lives. */
export const HOLDER_PATH = 'holder.json'

/** Whoever takes the job from a holder creates a file here, named after that one: of several, one wins. */
const CLAIMS = 'holder-claims/'

/** How a job ended in a process, as a standby has to know it: SUSPENDED by a signal is no such end. */
export type JobEnd = 'FINISHED' | 'SUSPENDED' | 'CANCELED' | 'FAILED'

/** Who holds the job. Rewritten at every heartbeat. */
export interface HolderRecord extends ProcessIdentity {
  readonly jobId: string
  /** Random: tells two holders apart. */
  readonly nonce: string
  /** Epoch milliseconds, by the holder's clock. For messages only. */
  readonly sinceMs: number
  readonly heartbeatMs: number
  /** Counts heartbeats: what an observer sees change. */
  readonly beat: number
  /** Who held it before and never gave it free, newest first: one of them may have ended the job without a word. */
  readonly predecessors?: readonly ProcessIdentity[]
  /** It gave the job free, having ended it so. */
  readonly ended?: JobEnd
}

/** A record and its bytes. One that doesn't parse (written by a newer version) is `unreadable`. */
export interface FoundHolder {
  readonly record: HolderRecord | 'unreadable'
  readonly bytes: Buffer
}

/** What an observer can say at once. `unknown`: only its heartbeat can tell. */
type HolderLife = 'alive' | 'dead' | 'unknown'

/** The one who holds the job, from claim to claim; undefined when nobody does. */
export async function readHolder(storage: CheckpointStorage): Promise<FoundHolder | undefined> {
  let found = await readRecord(storage, HOLDER_PATH)
  for (let next = found; next !== undefined; next = await readRecord(storage, claimPath(next))) found = next
  return found
}

async function readRecord(storage: CheckpointStorage, path: string): Promise<FoundHolder | undefined> {
  const bytes = await storage.readIfExists(path)
  if (bytes === undefined) return undefined
  try {
    const record = JSON.parse(bytes.toString('utf8')) as HolderRecord
    return { bytes, record: typeof record === 'object' && typeof record.nonce === 'string' ? record : 'unreadable' }
  } catch {
    return { bytes, record: 'unreadable' }
  }
}

/** Where the job is claimed from that holder. */
export function claimPath({ record, bytes }: FoundHolder): string {
  return `${CLAIMS}${record === 'unreadable' ? `unreadable-${crc32(bytes)}` : record.nonce}.json`
}

/** Deletes claims but that one: those they were made against no longer have a record. */
export async function deleteClaims(storage: CheckpointStorage, but?: string): Promise<void> {
  for (const { path } of await storage.list(CLAIMS)) if (path !== but) await storage.delete(path)
}

/** The record as its file holds it: JSON that a person can read. */
export function holderBytes(record: HolderRecord): Buffer {
  return Buffer.from(`${JSON.stringify(record, null, 2)}\n`)
}

/**
 * Whether the holder lives, as far as this host knows. Of another host, or of another boot of a host of the same name, it knows nothing; nor of
 * a live pid whose start time the system does not tell: it may have been given out again.
 */
export function lifeOf(record: FoundHolder['record'], facts: ProcessFacts): HolderLife {
  if (record === 'unreadable') return 'unknown'
  if (record.ended !== undefined) return 'dead'
  const self = facts.self()
  if (record.host !== self.host || record.bootId !== self.bootId) return 'unknown'
  const state = facts.stateOf(record.pid)
  if (!state.alive) return 'dead'
  if (state.startTicks === null || record.startTicks === null) return 'unknown'
  return state.startTicks === record.startTicks ? 'alive' : 'dead'
}
