// Invariant: the entries that count form one line, each written by the process that read the one before. Position n is created once.
//
//   1 epoch(P)   2 checkpoint   3 checkpoint   4 epoch(Q)   5 checkpoint ...
//                                              ^ P's next write: always taken, P is fenced
//
// Why it holds, also though retention deletes old checkpoints:
// 1. The newest position never falls: epoch records and the newest checkpoint are never deleted, so gaps lie below the top only.
// 2. The first entry by another process after one's own last is an epoch record (every process begins with one, at the first free
//    position). It is never deleted. So an owner that never saw an ambiguous answer can't create its next position in a gap.
// 3. Two can: a newcomer that read the top, was paused, and creates "the next" position long after others passed it; and an owner whose
//    earlier write seemed to fail, was taken over, superseded and deleted meanwhile. Both list the log *after* creating: a position above
//    theirs means that theirs was a gap (by 1), and it does not count. A newcomer then starts over, an owner is fenced.
//    What was created in a gap stays: below the top nobody reads it as such, and an epoch record may be the one that fences somebody.
// 4. A write whose answer is unknown may be carried out at any later time. It finds its position taken (412), or a gap that 3 covers.
import { MillraceError } from '../contract/errors.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { logPath } from './log-path.js'
import { emptyRunOf, listPositions, readEntry, readTop, type EmptyRun, type LogTop } from './log-reader.js'
import { encodeEntry, MANIFEST_FORMAT } from './manifest-codec.js'
import {
  runStartOf,
  type CheckpointDraft,
  type CheckpointManifest,
  type EpochRecord,
  type LogEntry,
  type ProcessIdentity,
} from './manifest.js'
import { Retention, type RetentionReport } from './retention.js'

const CREATE_ATTEMPTS = 3
const TAKEOVER_ATTEMPTS = 100

/** Whose log it is, and what it keeps. */
export interface ManifestLogOptions {
  readonly jobId: string
  /** Completed checkpoints that are kept; default 2, at least 1. */
  readonly retained?: number
}

/** Who takes over, and what it goes on from. */
export interface TakeoverRequest {
  /** Random, new for each takeover. */
  readonly nonce: string
  readonly runId: string
  /** Of that run, should it start afresh; default `createdAtMs`. */
  readonly runStartedAtMs?: number
  readonly holder: ProcessIdentity
  readonly createdAtMs: number
  /**
   * Given the checkpoint that a restart goes on from, chooses: that one, an older one, or undefined to start afresh. Called again when the
   * old process got another checkpoint in meanwhile. What it throws ends the takeover with nothing written.
   */
  choose(latest: CheckpointManifest | undefined): CheckpointManifest | undefined
}

/** The epoch that begins, and the checkpoint to restore; undefined: start afresh. */
export interface Takeover {
  readonly record: EpochRecord
  readonly checkpoint: CheckpointManifest | undefined
}

type Created = { readonly by: 'us' } | { readonly by: 'other'; readonly entry: LogEntry | undefined }

/**
 * The numbered log of all epochs of a job. Main thread; one call at a time. `open`, then `takeover` before the first `append`. After
 * MILLRACE_FENCED nothing more can be written: the process must stop, without publishing anything.
 */
export class ManifestLog {
  readonly #storage: CheckpointStorage
  readonly #jobId: string
  readonly #retained: number
  #top: LogTop
  #epoch: EpochRecord | undefined
  #retention: Retention | undefined
  #next = 0
  /** Nonces of appends whose outcome at the position `#next` is unknown. */
  readonly #inDoubt = new Map<string, CheckpointManifest>()
  #fenced = false
  #fencedBy: ProcessIdentity | undefined

  private constructor(storage: CheckpointStorage, options: ManifestLogOptions, top: LogTop) {
    this.#storage = storage
    this.#jobId = options.jobId
    this.#retained = Math.max(1, options.retained ?? 2)
    this.#top = top
  }

  /**
   * Reads the top of the log; writes nothing. A damaged or missing newest checkpoint is MILLRACE_CORRUPT naming it, never skipped; one of
   * another job or a newer format is MILLRACE_RESTORE.
   */
  static async open(storage: CheckpointStorage, options: ManifestLogOptions): Promise<ManifestLog> {
    return new ManifestLog(storage, options, await readTop(storage, options.jobId))
  }

  /** The checkpoint that a restart goes on from; undefined for a new job, and after a fresh start that made none yet. */
  latest(): CheckpointManifest | undefined {
    return this.#top.checkpoint
  }

  /** The run that the newest epoch began without ever making a checkpoint, to be gone on with by a fresh start. */
  emptyRun(): EmptyRun | undefined {
    return this.#top.emptyRun
  }

  /** An append failed, but its checkpoint may be in the log for all one knows, or still come to be. */
  get inDoubt(): boolean {
    return this.#inDoubt.size > 0
  }

  newestPosition(): number {
    return this.#top.newestPosition
  }

  newestEpoch(): number {
    return this.#top.newestEpoch
  }

  /** Makes this process the only one that can append. The result says what to go on from. */
  async takeover(request: TakeoverRequest): Promise<Takeover> {
    for (let attempt = 0; attempt < TAKEOVER_ATTEMPTS; attempt++) {
      const checkpoint = request.choose(this.#top.checkpoint)
      const record: EpochRecord = {
        format: MANIFEST_FORMAT,
        kind: 'epoch',
        position: this.#top.newestPosition + 1,
        epoch: this.#top.newestEpoch + 1,
        jobId: this.#jobId,
        nonce: request.nonce,
        runId: request.runId,
        holder: request.holder,
        createdAtMs: request.createdAtMs,
        runStartedAtMs:
          checkpoint === undefined ? (request.runStartedAtMs ?? request.createdAtMs) : runStartOf(checkpoint),
        continues: checkpoint?.position ?? null,
      }
      const created = await this.#create(record)
      if (created.by === 'us' && (await this.#isTop(record.position))) {
        this.#own(record, checkpoint)
        return { record, checkpoint }
      }
      this.#top = await readTop(this.#storage, this.#jobId)
    }
    throw new MillraceError(
      'MILLRACE_FENCED',
      `job "${this.#jobId}" could not be taken over: others keep writing to its log`,
      {
        hint: `stop the other processes that use ${this.#storage.describe()}`,
      },
    )
  }

  /**
   * Writes the checkpoint at the next position. When it resolves, the checkpoint is committed and sinks may publish. MILLRACE_FENCED:
   * another process took over. Any other failure leaves open whether the checkpoint is in the log: its committables must neither be
   * published nor dropped, but carried into the next one (which may find this one before it), and its segments must not be deleted. If it
   * was the final one and is found, it is the result: there is nothing after it.
   */
  async append(draft: CheckpointDraft): Promise<CheckpointManifest> {
    const epoch = this.#epoch
    if (epoch === undefined) throw new MillraceError('MILLRACE_INTERNAL', 'append before takeover')
    for (;;) {
      if (this.#fenced) throw this.#fence(undefined)
      const manifest: CheckpointManifest = {
        ...draft,
        format: MANIFEST_FORMAT,
        kind: 'checkpoint',
        position: this.#next,
        epoch: epoch.epoch,
        jobId: this.#jobId,
      }
      const created = await this.#create(manifest)
      if (created.by === 'us') {
        await this.#refuseGap(manifest)
        this.#committed(manifest)
        return manifest
      }
      // An earlier append that seemed to have failed is there after all: this one comes after it.
      const earlier = created.entry === undefined ? undefined : this.#inDoubt.get(created.entry.nonce)
      if (earlier === undefined) throw this.#fence(created.entry)
      this.#committed(earlier)
      // The job ended with it: nothing has happened since.
      if (earlier.final) return earlier
    }
  }

  /**
   * Whether the log is still this process's (MILLRACE_FENCED), and what has become of an append whose outcome was unknown: resolves with
   * the checkpoint if it is there after all. If not, it may still come; the next append finds it.
   */
  async settle(): Promise<CheckpointManifest | undefined> {
    if (this.#fenced) throw this.#fence(undefined)
    const top = (await listPositions(this.#storage)).at(-1) ?? 0
    if (top < this.#next) return undefined
    const entry = await readEntry(this.#storage, this.#next, this.#jobId)
    const own = entry === undefined || top > this.#next ? undefined : this.#inDoubt.get(entry.nonce)
    if (own === undefined) throw this.#fence(entry)
    this.#committed(own)
    return own
  }

  /**
   * Deletes checkpoints older than the retained ones, and segments that no retained one refers to. Call it after an append whose
   * sinks have published. Deletions that fail are reported and tried again next time; only listing can throw.
   */
  async retire(): Promise<RetentionReport> {
    if (this.#retention === undefined || this.#fenced) return { deleted: [], problems: [] }
    return this.#retention.run()
  }

  /**
   * The job has ended, and nothing shall go on from its checkpoints: an epoch record says so, then all of them and their segments are
   * deleted. MILLRACE_FENCED if another process took over. Nothing can be appended afterwards.
   */
  async forget(nonce: string, createdAtMs: number): Promise<RetentionReport> {
    const epoch = this.#epoch
    if (epoch === undefined || this.#fenced) throw this.#fence(undefined)
    const record: EpochRecord = {
      ...epoch,
      position: this.#next,
      epoch: epoch.epoch + 1,
      nonce,
      createdAtMs,
      runStartedAtMs: createdAtMs,
      continues: null,
      forgets: true,
    }
    const created = await this.#create(record)
    if (created.by === 'other' || !(await this.#isTop(record.position))) {
      throw this.#fence(created.by === 'other' ? created.entry : undefined)
    }
    this.#fenced = true
    return new Retention(this.#storage, this.#jobId, record.epoch, record.position, 0).run()
  }

  /** Keeps what the checkpoint, one of the retained ones, refers to until the result is called. */
  pin(manifest: CheckpointManifest): () => void {
    return this.#retention?.pin(manifest) ?? (() => {})
  }

  /** Where the checkpoint is: what `--restore` takes. */
  pathOf({ position }: CheckpointManifest): string {
    return `${this.#storage.describe()}/${logPath(position)}`
  }

  #own(record: EpochRecord, checkpoint: CheckpointManifest | undefined): void {
    this.#epoch = record
    this.#next = record.position + 1
    this.#inDoubt.clear()
    this.#fenced = false
    this.#retention = new Retention(this.#storage, this.#jobId, record.epoch, record.position, this.#retained)
    this.#top = {
      newestPosition: record.position,
      newestEpoch: record.epoch,
      checkpoint,
      emptyRun: emptyRunOf(record),
    }
  }

  #committed(manifest: CheckpointManifest): void {
    this.#next = manifest.position + 1
    this.#inDoubt.clear()
    this.#retention?.add(manifest)
    this.#top = {
      newestPosition: manifest.position,
      newestEpoch: manifest.epoch,
      checkpoint: manifest,
      emptyRun: undefined,
    }
  }

  /** Creates the entry's position, reading back after every answer but `created`: only the nonce tells whose it is. */
  async #create(entry: LogEntry): Promise<Created> {
    const bytes = encodeEntry(entry)
    let failure: unknown
    for (let attempt = 0; attempt < CREATE_ATTEMPTS; attempt++) {
      try {
        if ((await this.#storage.createExclusive(logPath(entry.position), bytes)) === 'created') return { by: 'us' }
        const there = await readEntry(this.#storage, entry.position, this.#jobId)
        if (there?.nonce === entry.nonce) return { by: 'us' }
        return { by: 'other', entry: there }
      } catch (error) {
        failure ??= error
        if (entry.kind === 'checkpoint') this.#inDoubt.set(entry.nonce, entry)
      }
    }
    throw failure
  }

  /** After an ambiguous answer only: without one, the position can't have been a gap. */
  async #refuseGap(manifest: CheckpointManifest): Promise<void> {
    if (this.#inDoubt.size === 0) return
    this.#inDoubt.set(manifest.nonce, manifest) // should the listing fail
    if (!(await this.#isTop(manifest.position))) throw this.#fence(undefined)
  }

  async #isTop(position: number): Promise<boolean> {
    return (await listPositions(this.#storage)).at(-1) === position
  }

  #fence(by: LogEntry | undefined): MillraceError {
    this.#fenced = true
    if (by?.kind === 'epoch') this.#fencedBy = by.holder
    const { pid, host } = this.#fencedBy ?? {}
    const holder = pid === undefined ? '' : ` (process ${pid} on ${host})`
    return new MillraceError('MILLRACE_FENCED', `another process took over job "${this.#jobId}"${holder}`, {
      hint: 'this process published nothing of its last checkpoint; the other one goes on from the last completed one',
    })
  }
}
