import { MillraceError } from '../contract/errors.js'
import type { Clock } from '../contract/time.js'
import type { ProcessIdentity } from './manifest.js'
import type { CheckpointStorage } from '../storage/storage.js'
import {
  claimPath,
  deleteClaims,
  HOLDER_PATH,
  holderBytes,
  lifeOf,
  readHolder,
  type FoundHolder,
  type HolderRecord,
  type JobEnd,
} from './holder-record.js'
import type { ProcessFacts } from './process-facts.js'

/** A holder that only its heartbeat can tell of, and that is silent for this long may be taken over. */
export const SILENCE_MS = 15_000
/** Heartbeats are looked for so often. */
export const OBSERVE_EVERY_MS = 1_000
const HEARTBEAT_MS = 3_000

/** So many of those that held the job and died are remembered. */
const MOST_PREDECESSORS = 16

/** What acquiring needs from outside. */
export interface HolderContext {
  readonly storage: CheckpointStorage
  readonly jobId: string
  /** Random, new for each acquisition. */
  readonly nonce: string
  readonly clock: Clock
  readonly processes: ProcessFacts
}

/** A heartbeat found that somebody else holds the job, or could not be written. Neither is decisive: only the log fences. */
export interface HeartbeatListener {
  lost(error: MillraceError): void
  trouble(error: unknown): void
}

/**
 * The right to run a job, as a courtesy between processes: it keeps a second submit from taking over a live job. That no two ever commit is
 * the log's business (`ManifestLog.takeover`), not this one's. Main thread.
 */
export class Holder {
  readonly #context: HolderContext
  #record: HolderRecord
  #cancel: (() => void) | undefined
  #beating: Promise<void> = Promise.resolve()
  #stopped = false

  private constructor(context: HolderContext, record: HolderRecord) {
    this.#context = context
    this.#record = record
  }

  /** Whom it was taken from, one from the other, newest first: processes that ended without giving it free. */
  get predecessors(): readonly ProcessIdentity[] {
    return this.#record.predecessors ?? []
  }

  /**
   * Takes the job if nobody holds it or its holder is dead: at once when this host can tell, after 15 s of silence otherwise. While it
   * waits it sees a live holder's next heartbeat. A live holder is MILLRACE_HELD naming it.
   */
  static async acquire(context: HolderContext): Promise<Holder> {
    const { storage, jobId, processes } = context
    const there = await readHolder(storage)
    const life = there === undefined ? 'dead' : lifeOf(there.record, processes)
    if (life === 'alive') throw held(jobId, there?.record)
    const from = life === 'unknown' ? await observeSilence(context, there!) : there
    const holder = await Holder.take(context, from)
    if (holder !== undefined) return holder
    const by = await readHolder(storage)
    if (by !== undefined) throw held(jobId, by.record)
    return Holder.acquire(context)
  }

  /** Takes the job from one who no longer holds it, or from nobody. Of several who do so, one wins; for the others it is undefined. */
  static async take(context: HolderContext, from: FoundHolder | undefined): Promise<Holder | undefined> {
    const { jobId, nonce, processes, storage, clock } = context
    const now = clock.now()
    const free: HolderRecord = { jobId, ...processes.self(), nonce, sinceMs: now, heartbeatMs: now, beat: 0 }
    if (from === undefined) {
      const outcome = await storage.createExclusive(HOLDER_PATH, holderBytes(free))
      return outcome === 'created' || (await isOurs(storage, nonce)) ? new Holder(context, free) : undefined
    }
    const record = { ...free, predecessors: predecessorsOf(from.record) }
    const claim = claimPath(from)
    const outcome = await storage.createExclusive(claim, holderBytes(record))
    if (!(await isOurs(storage, nonce))) {
      // Somebody else was quicker; or has been, long ago, and deleted what said so.
      if (outcome === 'created') await storage.delete(claim)
      return undefined
    }
    await storage.overwrite(HOLDER_PATH, holderBytes(record))
    await deleteClaims(storage, claim)
    return new Holder(context, record)
  }

  /** Rewrites the record every three seconds until `release`. */
  startHeartbeat(listener: HeartbeatListener): void {
    if (this.#stopped || this.#cancel !== undefined) return
    const schedule = (): void => {
      this.#cancel = this.#context.clock.setTimeout(() => {
        this.#beating = this.#beat(listener).then(() => {
          if (!this.#stopped) schedule()
        })
      }, HEARTBEAT_MS)
    }
    schedule()
  }

  /**
   * Ends the heartbeat and gives the job free, unless somebody else holds it by now. `heard`: what became of the job is known. If not, the
   * next one must still learn of those who died before: they may have ended it. `ended`: standbys shall know.
   */
  async release(heard = true, ended?: JobEnd): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#beating // a late write must not bring the record back
    const { storage, processes } = this.#context
    if (!(await isOurs(storage, this.#record.nonce))) return
    const { predecessors: [dead, ...others] = [], ...own } = this.#record
    const end = ended === undefined ? {} : { ended }
    if (!heard && dead !== undefined) {
      await this.#write({ ...own, ...dead, predecessors: [processes.self(), ...others], ...end })
    } else if (ended !== undefined) await this.#write({ ...own, ...end })
    else await storage.delete(HOLDER_PATH)
    await deleteClaims(storage)
  }

  #write(record: HolderRecord): Promise<void> {
    return this.#context.storage.overwrite(HOLDER_PATH, holderBytes(record))
  }

  async #beat(listener: HeartbeatListener): Promise<void> {
    const { storage, clock, jobId } = this.#context
    try {
      const there = await readHolder(storage)
      if (there !== undefined && (there.record === 'unreadable' || there.record.nonce !== this.#record.nonce)) {
        this.#stopped = true
        listener.lost(new MillraceError('MILLRACE_FENCED', `job "${jobId}" was taken over by ${nameOf(there.record)}`))
        return
      }
      this.#record = { ...this.#record, heartbeatMs: clock.now(), beat: this.#record.beat + 1 }
      await this.#write(this.#record)
    } catch (error) {
      listener.trouble(error)
    }
  }
}

/**
 * Resolves with whom the job can be taken from: the record stayed as it is for 15 s, or was given free; MILLRACE_HELD when it changed.
 * Counts observations a second apart, so neither the two clocks' difference nor a jump of this one matters.
 */
async function observeSilence(context: HolderContext, seen: FoundHolder): Promise<FoundHolder | undefined> {
  for (let silentMs = 0; silentMs < SILENCE_MS; silentMs += OBSERVE_EVERY_MS) {
    await new Promise<void>((resolve) => void context.clock.setTimeout(resolve, OBSERVE_EVERY_MS))
    const there = await readHolder(context.storage)
    if (there === undefined || lifeOf(there.record, context.processes) === 'dead') return there
    if (!there.bytes.equals(seen.bytes)) throw held(context.jobId, there.record)
  }
  return seen
}

function predecessorsOf(record: HolderRecord | 'unreadable'): ProcessIdentity[] {
  // Who ended the job and heard of all before has told.
  if (record === 'unreadable' || (record.ended !== undefined && record.predecessors === undefined)) return []
  const { host, bootId, pid, startTicks, predecessors = [] } = record
  return [{ host, bootId, pid, startTicks }, ...predecessors].slice(0, MOST_PREDECESSORS)
}

async function isOurs(storage: CheckpointStorage, nonce: string): Promise<boolean> {
  const there = await readHolder(storage)
  return there !== undefined && there.record !== 'unreadable' && there.record.nonce === nonce
}

/** Why the job cannot be had. */
export function held(jobId: string, by: HolderRecord | 'unreadable' | undefined): MillraceError {
  const since = by === undefined || by === 'unreadable' ? '' : ` since ${new Date(by.sinceMs).toISOString()}`
  return new MillraceError('MILLRACE_HELD', `job "${jobId}" is held by ${nameOf(by)}${since}`, {
    hint: 'stop that process first, or give this run another --job-id',
  })
}

/** The holder as messages name it. */
export function nameOf(by: HolderRecord | 'unreadable' | undefined): string {
  return by === undefined || by === 'unreadable' ? 'another process' : `process ${by.pid} on ${by.host}`
}
