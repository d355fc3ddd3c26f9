/**
 * The failures of a job over all its processes, kept beside its checkpoints: one file for each epoch, which takes on what the epoch before
 * had kept. A process that was taken over writes into its own file alone.
 *
 *   failures/000000000004.json   { total, first, recent }    first: since the last completed checkpoint
 */
import type { ProcessIdentity } from '../checkpoint/manifest.js'
import { serializeError, type ErrorCode, type SerializedError } from '../contract/errors.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { kindOf, type FailureKind, type JobFailure } from './job-failure.js'

/** One failure as it is kept and shown: names and meaning are a contract. */
export interface KeptFailure {
  readonly atMs: number
  /** Numbers processes of the job, from 1, and within one its attempts; attempt 0: before the first. */
  readonly epoch: number
  readonly attempt: number
  readonly host: string
  readonly pid: number
  readonly kind: FailureKind
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | null
  /** In the user's code, `file:line:column`. */
  readonly at: string | null
  /** Of the operator. */
  readonly uid: string | null
  /** After so many milliseconds; null: the job has failed for good. */
  readonly restartInMs: number | null
  readonly stack: string | null
  /** The run, and its last checkpoint by then; 0: none. */
  readonly runId: string
  readonly afterCheckpoint: number
}

/** What is kept of all failures. */
export interface KeptFailures {
  readonly total: number
  /** The first one since the last completed checkpoint: later ones are often its consequences. */
  readonly first: KeptFailure | null
  /** The last of them, newest last. */
  readonly recent: readonly KeptFailure[]
}

/** Whose failures they are, and where they are kept. */
export interface FailureHistoryOptions {
  readonly storage: CheckpointStorage
  readonly epoch: number
  readonly runId: string
  readonly identity: ProcessIdentity
  /** Takes secrets out. */
  readonly redact: (error: SerializedError) => SerializedError
  readonly warn: (message: string) => void
}

const FOLDER = 'failures/'
/** Of a job that has not failed. */
export const NO_FAILURES: KeptFailures = { total: 0, first: null, recent: [] }
const KEPT = 50
const LONGEST_TEXT = 4_000

/** The history in one process of the job. What cannot be stored is a warning. Main thread. */
export class FailureHistory {
  private readonly options: FailureHistoryOptions
  private kept: KeptFailures
  private lastCheckpoint: number
  private storing: Promise<void> = Promise.resolve()
  private stored = true
  private warned = false

  /** `before`: of earlier processes; `lastCheckpoint`: the id of the one it goes on from. */
  constructor(options: FailureHistoryOptions, before: KeptFailures, lastCheckpoint: number) {
    this.options = options
    this.kept = before
    this.lastCheckpoint = lastCheckpoint
  }

  get failures(): KeptFailures {
    return this.kept
  }

  checkpointCompleted(checkpointId: number): void {
    this.lastCheckpoint = checkpointId
  }

  add({ error, uid, atMs }: JobFailure, attempt: number, restartInMs: number | undefined): void {
    const { epoch, runId, identity, redact } = this.options
    const { code, message, hint = null, at = null, stack = null } = redact(error)
    const failure: KeptFailure = {
      ...{ atMs, epoch, attempt, host: identity.host, pid: identity.pid },
      ...{ kind: kindOf(error), code, message: message.slice(0, LONGEST_TEXT), hint, at, uid: uid ?? null },
      restartInMs: restartInMs ?? null,
      stack: stack?.slice(0, LONGEST_TEXT) ?? null,
      ...{ runId, afterCheckpoint: this.lastCheckpoint },
    }
    const { total, first, recent } = this.kept
    const stands = first?.runId === runId && first.afterCheckpoint === this.lastCheckpoint
    this.kept = { total: total + 1, first: stands ? first : failure, recent: [...recent.slice(1 - KEPT), failure] }
    this.store()
  }

  /** Resolves when all is stored. */
  settled(): Promise<void> {
    return this.storing
  }

  /** One at a time; what comes meanwhile is stored together. */
  private store(): void {
    if (!this.stored) return
    this.stored = false
    this.storing = this.storing.then(async () => {
      this.stored = true
      try {
        await this.write()
      } catch (error) {
        if (!this.warned) this.options.warn(`failures are not kept: ${serializeError(error).message}`)
        this.warned = true
      }
    })
  }

  private async write(): Promise<void> {
    const { storage, epoch } = this.options
    const own = pathOf(epoch)
    await storage.overwrite(own, Buffer.from(`${JSON.stringify(this.kept, null, 2)}\n`))
    for (const { path } of await storage.list(FOLDER)) if (path < own) await storage.delete(path)
  }
}

/** What is kept of a job's failures. A file that cannot be understood counts as none. */
export async function readFailures(storage: CheckpointStorage): Promise<KeptFailures> {
  for (const { path } of (await storage.list(FOLDER)).reverse()) {
    const bytes = await storage.readIfExists(path)
    const kept = bytes === undefined ? undefined : parse(bytes)
    if (kept !== undefined) return kept
  }
  return NO_FAILURES
}

function parse(bytes: Buffer): KeptFailures | undefined {
  try {
    const kept = JSON.parse(bytes.toString('utf8')) as KeptFailures
    return typeof kept.total === 'number' && Array.isArray(kept.recent) ? kept : undefined
  } catch {
    return undefined
  }
}

/** Names sort as epochs do. */
function pathOf(epoch: number): string {
  return `${FOLDER}${String(epoch).padStart(12, '0')}.json`
}
