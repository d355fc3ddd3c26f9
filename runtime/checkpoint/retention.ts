// Invariant: what a kept manifest refers to is never deleted, nor is any epoch record, nor anything of a later epoch than ours.
//
//   manifests      1e  2c  3c  4e  5c  6c           e = epoch record: stays for ever   c = checkpoint: the newest `retained` stay
//   deleted            ^^  ^^                       then the segments that only they referred to
//   swept once per epoch, after its first commit: segments of earlier epochs that no kept manifest refers to
//
// A process that lost the job may still run this. It does no harm: it runs only after an append that counted, so the newest manifest it
// keeps is the one its successor went on from.
import type { MillraceError } from '../contract/errors.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { checkpointFiles } from './checkpoint-files.js'
import { logPath } from './log-path.js'
import { listPositions, readEntry } from './log-reader.js'
import type { CheckpointManifest } from './manifest.js'
import { SEGMENT_PREFIX, segmentEpoch } from './segment-path.js'

const REQUESTS_AT_ONCE = 16

/** What a retention run did. Problems do not endanger the job: what could not be deleted is tried again next time. */
export interface RetentionReport {
  readonly deleted: readonly string[]
  readonly problems: readonly MillraceError[]
}

interface Known {
  readonly position: number
  readonly segments: ReadonlySet<string>
}

/** Deletes old manifests and their segments; one for each epoch that this process owns. */
export class Retention {
  readonly #storage: CheckpointStorage
  readonly #jobId: string
  readonly #epoch: number
  readonly #epochPosition: number
  readonly #retained: number
  /** Ascending by position. */
  #known: Known[] = []
  /** Positions that are kept for a while, and by how many. */
  readonly #pinned = new Map<number, number>()
  readonly #oldManifests = new Set<string>()
  readonly #oldSegments = new Set<string>()
  #swept = false

  constructor(storage: CheckpointStorage, jobId: string, epoch: number, epochPosition: number, retained: number) {
    this.#storage = storage
    this.#jobId = jobId
    this.#epoch = epoch
    this.#epochPosition = epochPosition
    this.#retained = retained
  }

  /** A checkpoint of this epoch is in the log. */
  add(manifest: CheckpointManifest): void {
    this.#known.push(knownOf(manifest))
  }

  /** Keeps a checkpoint and its segments until the result is called, and then as long as any other. */
  pin({ position }: CheckpointManifest): () => void {
    this.#pinned.set(position, (this.#pinned.get(position) ?? 0) + 1)
    return () => {
      const left = this.#pinned.get(position)! - 1
      if (left > 0) this.#pinned.set(position, left)
      else this.#pinned.delete(position)
    }
  }

  async run(): Promise<RetentionReport> {
    const problems: MillraceError[] = []
    if (this.#known.length === 0 && this.#retained > 0) return { deleted: [], problems }
    const sweeping = !this.#swept
    const learned = !sweeping || (await this.#learnOlder(problems))
    const older = this.#known.slice(0, Math.max(0, this.#known.length - this.#retained))
    const old = new Set(older.filter(({ position }) => !this.#pinned.has(position)))
    const dropped = [...old]
    this.#known = this.#known.filter((known) => !old.has(known))
    const kept = new Set(this.#known.flatMap(({ segments }) => [...segments]))
    for (const { position } of dropped) this.#oldManifests.add(logPath(position))
    for (const { segments } of dropped) for (const path of segments) if (!kept.has(path)) this.#oldSegments.add(path)
    if (sweeping && learned) await this.#findOrphans(kept)
    this.#swept = learned
    const deleted = await this.#deleteAll(this.#oldManifests, problems)
    // Manifests first: none that is visible may refer to a deleted segment.
    if (learned && this.#oldManifests.size === 0) deleted.push(...(await this.#deleteAll(this.#oldSegments, problems)))
    return { deleted, problems }
  }

  /**
   * Checkpoints of earlier epochs. A damaged one is reported and left alone: the top of the log is not among them. False when one could
   * not be read: it may be read next time, and what it refers to must stay until then.
   */
  async #learnOlder(problems: MillraceError[]): Promise<boolean> {
    const own = new Set(this.#known.map(({ position }) => position))
    const older = (await listPositions(this.#storage)).filter((at) => at < this.#epochPosition && !own.has(at))
    const found: Known[] = []
    let learned = true
    for (let from = 0; from < older.length; from += REQUESTS_AT_ONCE) {
      const reads = older.slice(from, from + REQUESTS_AT_ONCE).map((at) => readEntry(this.#storage, at, this.#jobId))
      for (const read of await Promise.allSettled(reads)) {
        if (read.status === 'rejected') {
          const problem = read.reason as MillraceError
          problems.push(problem)
          if (problem.code === 'MILLRACE_STORAGE') learned = false
        } else if (read.value?.kind === 'checkpoint') found.push(knownOf(read.value))
      }
    }
    this.#known = [...found, ...this.#known].sort((a, b) => a.position - b.position)
    return learned
  }

  async #findOrphans(kept: ReadonlySet<string>): Promise<void> {
    for (const { path } of await this.#storage.list(SEGMENT_PREFIX)) {
      const epoch = segmentEpoch(path)
      if (epoch !== undefined && epoch < this.#epoch && !kept.has(path)) this.#oldSegments.add(path)
    }
  }

  /** Deletes the files and takes them out of the set; what can't be deleted stays in it. */
  async #deleteAll(paths: Set<string>, problems: MillraceError[]): Promise<string[]> {
    const all = [...paths]
    for (let from = 0; from < all.length; from += REQUESTS_AT_ONCE) {
      const deletions = all.slice(from, from + REQUESTS_AT_ONCE).map(async (path) => {
        await this.#storage.delete(path)
        paths.delete(path)
      })
      for (const deletion of await Promise.allSettled(deletions)) {
        if (deletion.status === 'rejected') problems.push(deletion.reason as MillraceError)
      }
    }
    return all.filter((path) => !paths.has(path))
  }
}

function knownOf(manifest: CheckpointManifest): Known {
  return { position: manifest.position, segments: new Set(checkpointFiles(manifest).map(({ path }) => path)) }
}
