import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SinkWriter, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { outputError } from './file-errors.js'
import type { LineFormat } from './line-format.js'
import { syncFolder } from './output-folder.js'
import { PartFile } from './part-file.js'
import { hiddenName, type PartOwner, publishedName } from './part-name.js'

/** What the committer needs to publish a part: names within the sink's folder. Part of the checkpoint. */
export type PartCommittable = {
  readonly hidden: string
  readonly published: string
  readonly bytes: number
  readonly lines: number
}

interface OpenPart {
  readonly sequence: number
  readonly hidden: string
  readonly file: PartFile
}

interface RolledPart {
  readonly part: OpenPart
  readonly finished: Promise<void>
  settled: boolean
}

/** Writes hidden parts; a barrier completes them. Slot thread. */
export class PartWriter<T> implements SinkWriter<T, PartCommittable> {
  private readonly folder: string
  private readonly format: LineFormat<T>
  private readonly rollBytes: number
  private readonly owner: PartOwner
  private sequence = 0
  private part: OpenPart | undefined
  /** Rolled since the last flush. */
  private rolled: RolledPart[] = []
  private prepared: PartCommittable[] = []

  constructor(folder: string, format: LineFormat<T>, prefix: string, rollBytes: number, ctx: SinkWriterContext) {
    this.folder = folder
    this.format = format
    this.rollBytes = rollBytes
    const { runId, uid, subtask, epoch, attempt } = ctx
    this.owner = { prefix, runId, uid, subtask, epoch, attempt }
  }

  write(value: T): void {
    const line = this.format.toLine(value)
    const part = (this.part ??= this.startPart())
    const { file } = part
    if (file.failure !== undefined) throw this.failed(part, file.failure)
    file.append(line)
    if (file.bytes >= this.rollBytes) this.roll()
  }

  busy(): Promise<void> | undefined {
    // One rolled part may be on its way to the disk while the next is written, not two.
    const underWay = this.rolled.filter(({ settled }) => !settled)
    return underWay.length > 1 ? underWay[0]!.finished : this.part?.file.busy()
  }

  async flush(checkpointId: number): Promise<void> {
    this.roll()
    const parts = [...this.rolled]
    if (parts.length === 0) return
    for (const { finished } of parts) await finished
    await syncFolder(this.folder)
    this.rolled = this.rolled.slice(parts.length)
    for (const { part } of parts) {
      const { hidden, sequence, file } = part
      const published = publishedName(this.owner, checkpointId, sequence, this.format.extension)
      this.prepared.push({ hidden, published, bytes: file.bytes, lines: file.lines })
    }
  }

  prepareCommit(): readonly PartCommittable[] {
    const prepared = this.prepared
    this.prepared = []
    return prepared
  }

  /** What no barrier has completed is named nowhere: it goes. */
  async close(): Promise<void> {
    const unflushed = this.rolled.map(({ part }) => part)
    const finished = this.rolled.map((rolled) => rolled.finished)
    if (this.part !== undefined) {
      unflushed.push(this.part)
      await this.part.file.abandon().catch(() => undefined)
    }
    this.part = undefined
    this.rolled = []
    await Promise.allSettled(finished)
    for (const { hidden } of unflushed) await rm(join(this.folder, hidden), { force: true }).catch(() => undefined)
  }

  private startPart(): OpenPart {
    const sequence = this.sequence++
    const hidden = hiddenName(this.owner, sequence)
    // 'wx': no other writer has this name, and if one has, neither may be lost.
    return { sequence, hidden, file: new PartFile(() => open(join(this.folder, hidden), 'wx')) }
  }

  private roll(): void {
    const { part } = this
    if (part === undefined) return
    this.part = undefined
    const finished = part.file.finish().catch((error: unknown) => {
      throw this.failed(part, error)
    })
    const rolled: RolledPart = { part, finished, settled: false }
    const settle = (): void => {
      rolled.settled = true
    }
    // A failure is seen by whoever awaits `finished`: `flush`, or the caller of `busy`.
    finished.then(settle, settle)
    this.rolled.push(rolled)
  }

  private failed(part: OpenPart, cause: unknown): Error {
    return outputError(join(this.folder, part.hidden), cause)
  }
}
