import { MillraceError } from '../../../runtime/contract/errors.js'
import type { SinkWriter, SinkWriterContext } from '../../../runtime/contract/sink.js'
import type { LineFormat } from '../file/line-format.js'
import { HeldBytes } from './held-bytes.js'
import { MAX_KEY_BYTES, objectKey, objectToken } from './object-name.js'
import { type ObjectCut, type S3Committable, type S3OpenObject, toState } from './object-state.js'
import { type ObjectHost, OpenObject } from './open-object.js'
import { badPartition, type Partition } from './partitions.js'
import { finishRestored, tailPartNumber } from './restored-object.js'
import type { RollPolicy } from './roll-policy.js'
import { Turns } from './turns.js'
import type { UploadCalls } from './upload-calls.js'

const UPLOADS_AT_ONCE = 8
/** What is left behind then is cleared away by the committer. */
const CLOSE_MS = 5_000

/** How a sink writes, all defaults filled in. */
export interface WriterSettings<T> {
  readonly bucket: string
  readonly prefix: string
  readonly format: LineFormat<T>
  readonly gzip: boolean
  readonly partition: Partition<T> | undefined
  readonly roll: RollPolicy
  readonly maxOpenObjects: number
  readonly bufferBytes: number
  readonly checkpointBytes: number
  readonly partBytes: number
}

/** An object that is ended, or being so. */
interface Rolled {
  readonly object: OpenObject | undefined
  readonly key: string
  readonly done: Promise<S3Committable | undefined>
}

/** One open object a partition; a barrier puts them into the checkpoint. Slot thread. */
export class S3Writer<T> implements SinkWriter<T, S3Committable, S3OpenObject> {
  private readonly settings: WriterSettings<T>
  private readonly ctx: SinkWriterContext
  private readonly extension: string
  private readonly held = new HeldBytes()
  private readonly host: ObjectHost
  private readonly open = new Map<string, OpenObject>()
  private sequence = 0
  private written: OpenObject[] = []
  private lookAgainMs = Infinity
  private rolled: Rolled[] = []
  private prepared: S3Committable[] = []
  private states: S3OpenObject[] = []
  private failure: Error | undefined
  private finished = false

  constructor(settings: WriterSettings<T>, ctx: SinkWriterContext, calls: UploadCalls) {
    this.settings = settings
    this.ctx = ctx
    const { bucket, gzip, format } = settings
    this.extension = format.extension + (gzip ? '.gz' : '')
    this.host = {
      bucket,
      calls,
      gzip,
      partBytes: settings.partBytes,
      contentType: contentTypeOf(this.extension),
      held: this.held,
      turns: new Turns(UPLOADS_AT_ONCE),
      failed: (error) => {
        this.failure ??= error instanceof Error ? error : new Error(String(error))
        this.held.fail(error)
      },
    }
  }

  write(value: T, timestamp: number): void {
    if (this.failure !== undefined) throw this.failure
    let object: OpenObject | undefined
    let line: string | Uint8Array
    try {
      line = this.settings.format.toLine(value)
      object = this.objectFor(value, timestamp)
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'MILLRACE_VALUE') throw error
      return this.ctx.reject(value, timestamp, error.message)
    }
    object.append(line)
    if (!object.touched) {
      object.touched = true
      this.written.push(object)
    }
    const { bytes, records } = this.settings.roll
    if (object.bytes >= bytes || object.records >= records) this.roll(object)
  }

  busy(): Promise<void> | undefined {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    this.rollDue(false)
    const { bufferBytes } = this.settings
    if (this.held.bytes <= bufferBytes) return undefined
    // What no part will take out of memory: only its object's end does.
    this.rollDownTo(bufferBytes / 2)
    return this.held.below(bufferBytes)
  }

  finish(): void {
    this.finished = true
  }

  async flush(): Promise<void> {
    this.rollDue(true)
    if (this.finished || this.settings.roll.onCheckpoint) this.rollDownTo(-1)
    else this.rollDownTo(this.settings.checkpointBytes)
    const { rolled } = this
    const open = [...this.open.values()]
    const cutting = Promise.all(open.map((object) => object.cut()))
    const ending = Promise.all(rolled.map(({ done }) => done))
    cutting.catch(() => undefined)
    const ended = await ending
    const cuts = await cutting
    this.states = await this.toStates(cuts)
    // Whatever comes of this checkpoint, it may be written down by now.
    for (const [i, { uploadId }] of cuts.entries()) if (uploadId !== undefined) open[i]!.named = true
    for (const { object } of rolled) if (object !== undefined) object.named = true
    this.rolled = this.rolled.slice(rolled.length)
    for (const one of ended) if (one !== undefined) this.prepared.push(one)
  }

  prepareCommit(): readonly S3Committable[] {
    const { prepared } = this
    this.prepared = []
    return prepared
  }

  snapshotState(): readonly S3OpenObject[] {
    return this.states
  }

  /** Ended, not gone on with: whichever subtask got them, even one that has no input left, and whoever else goes on from the checkpoint. */
  restoreState(states: readonly S3OpenObject[]): void {
    const number = tailPartNumber(this.ctx.epoch, this.ctx.attempt)
    for (const state of states) {
      const done = finishRestored(state, number, this.host)
      done.then(
        (committable) => {
          if (committable !== undefined) return
          this.ctx.warn(`s3://${state.bucket}/${state.key} is published already: the checkpoint is not the newest`)
        },
        (error: unknown) => this.host.failed(error),
      )
      this.rolled.push({ object: undefined, key: state.key, done })
    }
  }

  /** What no checkpoint can name goes, unless that takes too long. */
  async close(): Promise<void> {
    const objects = [...this.open.values(), ...this.rolled.flatMap(({ object }) => object ?? [])]
    const gone = Promise.all(objects.map((object) => object.abandon()))
    const restored = Promise.allSettled(this.rolled.map(({ done }) => done))
    this.open.clear()
    this.rolled = []
    let cancel: () => void = () => undefined
    const late = new Promise<void>((resolve) => (cancel = this.ctx.clock.setTimeout(resolve, CLOSE_MS)))
    await Promise.race([Promise.all([gone, restored]), late])
    cancel()
    this.host.calls.close()
  }

  private objectFor(value: T, timestamp: number): OpenObject {
    const { partition } = this.settings
    const path = partition === undefined ? '' : partition(value, timestamp)
    return this.open.get(path) ?? this.begin(path)
  }

  private begin(partition: string): OpenObject {
    const bad = badPartition(partition)
    if (bad !== undefined) throw new MillraceError('MILLRACE_VALUE', bad)
    const { ctx, settings } = this
    const key = objectKey(settings.prefix, partition, ctx, this.sequence, this.extension)
    if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
      throw new MillraceError('MILLRACE_VALUE', `the key ${key.slice(0, 80)}... is longer than ${MAX_KEY_BYTES} bytes`)
    }
    if (this.open.size >= settings.maxOpenObjects) this.roll(this.leastRecent())
    this.sequence++
    const now = ctx.clock.now()
    const object = new OpenObject(this.host, { key, token: objectToken(key, ctx), partition }, now)
    this.open.set(partition, object)
    this.lookAgainMs = Math.min(this.lookAgainMs, dueMs(object, settings.roll))
    return object
  }

  private leastRecent(): OpenObject {
    let least: OpenObject | undefined
    for (const object of this.open.values()) {
      if (!object.touched && (least === undefined || object.lastWriteMs < least.lastWriteMs)) least = object
    }
    return least ?? this.open.values().next().value!
  }

  private roll(object: OpenObject): void {
    this.open.delete(object.partition)
    const done = object.finish()
    // Seen by `failed`, and by whoever awaits it.
    done.catch(() => undefined)
    this.rolled.push({ object, key: object.key, done })
  }

  /** Ends what is old or idle. */
  private rollDue(all: boolean): void {
    const now = this.ctx.clock.now()
    for (const object of this.written) {
      object.lastWriteMs = now
      object.touched = false
    }
    this.written = []
    if (!all && now < this.lookAgainMs) return
    this.lookAgainMs = Infinity
    for (const object of [...this.open.values()]) {
      const due = dueMs(object, this.settings.roll)
      if (due <= now) this.roll(object)
      else this.lookAgainMs = Math.min(this.lookAgainMs, due)
    }
  }

  /** Ends the objects with most in memory until the others have no more than `bytes` there; all for a negative one. */
  private rollDownTo(bytes: number): void {
    let left = 0
    for (const object of this.open.values()) left += object.tailSize
    if (left <= bytes) return
    const largest = [...this.open.values()].sort((a, b) => b.tailSize - a.tailSize)
    for (const object of largest) {
      if (left <= bytes) return
      left -= object.tailSize
      this.roll(object)
    }
  }

  private async toStates(cuts: readonly ObjectCut[]): Promise<S3OpenObject[]> {
    const { bucket, gzip } = this.settings
    return Promise.all(cuts.map((cut) => toState(bucket, cut, gzip)))
  }
}

function dueMs({ openedAtMs, lastWriteMs }: OpenObject, { intervalMs, inactivityMs }: RollPolicy): number {
  return Math.min(openedAtMs + intervalMs, lastWriteMs + inactivityMs)
}

function contentTypeOf(extension: string): string | undefined {
  if (extension.endsWith('.gz')) return 'application/gzip'
  if (extension === '.jsonl') return 'application/x-ndjson'
  return extension === '.txt' ? 'text/plain; charset=utf-8' : undefined
}
