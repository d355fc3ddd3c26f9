import type { MillraceError } from '../contract/errors.js'
import { held, Holder, OBSERVE_EVERY_MS, SILENCE_MS, type HolderContext } from './holder.js'
import { lifeOf, readHolder, type FoundHolder, type HolderRecord } from './holder-record.js'

/** A dead process of this host is noticed so soon. */
const LOOK_EVERY_MS = 100

/** Who hears of a standby. */
export interface StandbyListener {
  /** It waits for that holder; told once for each. */
  waiting(record: FoundHolder['record']): void
  /** Storage could not be read or written; it goes on waiting. */
  trouble(error: unknown): void
  /** Aborted: it gives up, MILLRACE_HELD. */
  readonly signal?: AbortSignal | undefined
}

/** The process that it waited for, or one that took over from that, has ended the job: there is nothing to take over. */
export interface EndedElsewhere {
  readonly ended: HolderRecord & { readonly ended: NonNullable<HolderRecord['ended']> }
}

/**
 * Waits while another process holds the job, and takes it when that one is dead, silent for 15 s (wherever it runs: it may be stopped or
 * hang) or stopped by a signal. Of several standbys one gets it, the others go on waiting. Main thread.
 */
export async function standBy(context: HolderContext, listener: StandbyListener): Promise<Holder | EndedElsewhere> {
  let waitedFor: string | undefined
  for (;;) {
    try {
      const there = await readHolder(context.storage)
      if (there !== undefined && there.record !== 'unreadable') {
        const { record } = there
        if (record.ended !== undefined && waitedFor !== undefined) return { ended: { ...record, ended: record.ended } }
      }
      const isFree = there === undefined || lifeOf(there.record, context.processes) === 'dead'
      if (!isFree) {
        const nonce = there.record === 'unreadable' ? 'unreadable' : there.record.nonce
        if (nonce !== waitedFor) listener.waiting(there.record)
        waitedFor = nonce
      }
      if (isFree || (await fallsSilent(context, there, listener))) {
        const holder = await Holder.take(context, there)
        if (holder !== undefined) return holder
      }
    } catch (error) {
      if ((error as MillraceError).code !== 'MILLRACE_STORAGE') throw error
      listener.trouble(error)
      await pause(context, OBSERVE_EVERY_MS)
    }
    if (listener.signal?.aborted === true) throw held(context.jobId, (await readHolder(context.storage))?.record)
  }
}

/** True: no heartbeat for 15 s, by observations a second apart. False: look again, something has changed. */
async function fallsSilent(context: HolderContext, seen: FoundHolder, { signal }: StandbyListener): Promise<boolean> {
  const { storage, processes } = context
  for (let silentMs = 0; silentMs < SILENCE_MS; silentMs += OBSERVE_EVERY_MS) {
    for (let waitedMs = 0; waitedMs < OBSERVE_EVERY_MS; waitedMs += LOOK_EVERY_MS) {
      await pause(context, LOOK_EVERY_MS)
      if (signal?.aborted === true || lifeOf(seen.record, processes) === 'dead') return false
    }
    if ((await readHolder(storage))?.bytes.equals(seen.bytes) !== true) return false
  }
  return true
}

function pause({ clock }: HolderContext, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimeout(resolve, ms))
}
