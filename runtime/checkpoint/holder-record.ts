import type { CheckpointStorage } from '../storage/storage.js'
import type { ProcessIdentity } from './manifest.js'
import type { ProcessFacts } from './process-facts.js'

/** Where the holder's record lives. */
export const HOLDER_PATH = 'holder.json'

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
}

/** What an observer can say at once. `unknown`: only its heartbeat can tell. */
type HolderLife = 'alive' | 'dead' | 'unknown'

/** The record, with its bytes; undefined when there is none. One that doesn't parse (written by a newer version) is `unreadable`. */
export async function readHolder(
  storage: CheckpointStorage,
): Promise<{ readonly record: HolderRecord | 'unreadable'; readonly bytes: Buffer } | undefined> {
  const bytes = await storage.readIfExists(HOLDER_PATH)
  if (bytes === undefined) return undefined
  try {
    const record = JSON.parse(bytes.toString('utf8')) as HolderRecord
    return { bytes, record: typeof record === 'object' && typeof record.nonce === 'string' ? record : 'unreadable' }
  } catch {
    return { bytes, record: 'unreadable' }
  }
}

/** The record as its file holds it: JSON that a person can read. */
export function holderBytes(record: HolderRecord): Buffer {
  return Buffer.from(`${JSON.stringify(record, null, 2)}\n`)
}

/**
 * Whether the holder lives, as far as this host knows. Of another host, or of another boot of a host of the same name, it knows nothing; nor of
 * a live pid whose start time the system does not tell: it may have been given out again.
 */
export function lifeOf(record: HolderRecord, facts: ProcessFacts): HolderLife {
  const self = facts.self()
  if (record.host !== self.host || record.bootId !== self.bootId) return 'unknown'
  const state = facts.stateOf(record.pid)
  if (!state.alive) return 'dead'
  if (state.startTicks === null || record.startTicks === null) return 'unknown'
  return state.startTicks === record.startTicks ? 'alive' : 'dead'
}
