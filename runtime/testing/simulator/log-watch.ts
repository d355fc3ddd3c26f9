import { checkpointFiles } from '../../checkpoint/checkpoint-files.js'
import { logPath, positionOf } from '../../checkpoint/log-path.js'
import { decodeEntry } from '../../checkpoint/manifest-codec.js'
import type { CheckpointManifest, LogEntry } from '../../checkpoint/manifest.js'
import type { DiskWatcher, SimDisk } from './sim-disk.js'

/**
 * Looks at each entry of the manifest log as it is written: only the newest epoch commits, a checkpoint refers to files that are there, and
 * nothing (watermarks, counts, epochs) goes back from one checkpoint to the one made from it. No file is deleted that a manifest needs.
 */
export class LogWatch implements DiskWatcher {
  /** Whatever a manifest named for a sink to commit. */
  readonly named: Set<string> = new Set()
  private readonly disk: SimDisk
  private readonly violate: (what: string) => void
  private readonly checkWatermarks: boolean
  private readonly entries = new Map<number, LogEntry>()
  /** By process: what its next checkpoint is made from. */
  private readonly bases = new Map<string, CheckpointManifest>()
  private top = 0
  private readonly inGaps = new Set<string>()
  /** Of the checkpoint written last; 0 before the first. */
  lastCheckpointId = 0

  constructor(disk: SimDisk, violate: (what: string) => void, checkWatermarks: boolean) {
    this.disk = disk
    this.violate = violate
    this.checkWatermarks = checkWatermarks
  }

  /** Checkpoints written so far. */
  get checkpoints(): number {
    return [...this.entries.values()].filter(({ kind }) => kind === 'checkpoint').length
  }

  created(path: string, bytes: Buffer, by: string): void {
    const position = positionOf(path)
    if (position === undefined) return
    const entry = decodeEntry(bytes, path)
    // What is created in a gap below the top counts for nothing, and may refer to what is gone.
    if (position < this.top) return void this.inGaps.add(path)
    const before = this.entries.get(this.top)
    this.top = position
    this.entries.set(position, entry)
    if (before !== undefined && entry.epoch < before.epoch) {
      this.violate(`${by}, of epoch ${entry.epoch}, writes position ${position} of the log after epoch ${before.epoch}`)
    }
    if (entry.kind === 'checkpoint') this.checkpoint(entry)
  }

  deleted(path: string, by: string): void {
    if (!path.startsWith('segments/')) return
    for (const [position, entry] of this.entries) {
      if (entry.kind !== 'checkpoint' || !this.counts(logPath(position))) continue
      const needed = checkpointFiles(entry).some((one) => one.path === path)
      if (needed) this.violate(`${by} deletes ${path}, which the checkpoint at position ${position} refers to`)
    }
  }

  /** Whether the entry is there, whole and counts. */
  counts(path: string): boolean {
    return this.disk.files.has(path) && !this.disk.isDamaged(path) && !this.inGaps.has(path)
  }

  private checkpoint(manifest: CheckpointManifest): void {
    this.lastCheckpointId = manifest.checkpointId
    for (const { committables } of Object.values(manifest.sinks)) {
      for (const id of committables) this.named.add(id as string)
    }
    for (const { path, bytes } of checkpointFiles(manifest)) {
      const there = this.disk.files.get(path)
      if (there?.length !== bytes && !this.disk.isDamaged(path))
        this.violate(`checkpoint ${manifest.checkpointId} names ${path}, not there`)
    }
  }

  /** A process begins an attempt with the checkpoint of that file; undefined: with nothing. */
  started(process: string, from: string | undefined): void {
    const position = from === undefined ? undefined : positionOf(from.slice(from.indexOf('manifests/')))
    const entry = position === undefined ? undefined : this.entries.get(position)
    if (entry?.kind === 'checkpoint') this.bases.set(process, entry)
    else this.bases.delete(process)
  }

  /** A process knows that its checkpoint is in the log, made from the one that it began with, or completed before. */
  completed(process: string, checkpointId: number): void {
    const manifest = [...this.entries.values()].find(
      (entry) => entry.kind === 'checkpoint' && entry.checkpointId === checkpointId && this.ofProcess(process, entry),
    ) as CheckpointManifest | undefined
    if (manifest === undefined) return this.violate(`${process} completes checkpoint ${checkpointId}, not in the log`)
    const base = this.bases.get(process)
    if (base !== undefined) this.compare(base, manifest)
    this.bases.set(process, manifest)
  }

  /** Another process has taken the log over from this one. */
  isSuperseded(pid: number): boolean {
    const epochs = [...this.entries.values()].filter((entry) => entry.kind === 'epoch')
    const own = epochs.filter(({ holder }) => holder.pid === pid).at(-1)
    return own !== undefined && epochs.at(-1) !== own
  }

  private ofProcess(process: string, { epoch }: CheckpointManifest): boolean {
    const epochs = [...this.entries.values()].filter((entry) => entry.kind === 'epoch')
    return epochs.some((entry) => entry.epoch === epoch && `p${entry.holder.pid}` === process)
  }

  private compare(base: CheckpointManifest, manifest: CheckpointManifest): void {
    const back = (what: string, from: number, to: number): void => {
      if (to < from) this.violate(`${what} goes back from ${from} to ${to} in checkpoint ${manifest.checkpointId}`)
    }
    if (base.final) this.final(base, manifest)
    back('the checkpoint id', base.checkpointId, manifest.checkpointId)
    if (this.checkWatermarks) {
      for (const [uid, { watermarks }] of Object.entries(manifest.operators)) {
        back(`the watermark of "${uid}"`, Math.min(...(base.operators[uid]?.watermarks ?? [])), Math.min(...watermarks))
      }
      for (const [uid, { splits }] of Object.entries(manifest.sources)) {
        for (const { splitId, watermark } of splits) {
          const before = base.sources[uid]?.splits.find((one) => one.splitId === splitId)
          if (before !== undefined) back(`the watermark of split ${splitId}`, before.watermark, watermark)
        }
      }
    }
    for (const [uid, counters] of Object.entries(base.counters)) {
      for (const [name, count] of Object.entries(counters)) {
        back(`${name} of "${uid}"`, count, manifest.counters[uid]?.[name] ?? 0)
      }
    }
  }

  /** Behind a final checkpoint comes only the note that it is published. */
  private final(base: CheckpointManifest, manifest: CheckpointManifest): void {
    if (manifest.checkpointId !== base.checkpointId) {
      this.violate(`checkpoint ${manifest.checkpointId} was taken after the final one, ${base.checkpointId}`)
    }
  }
}
