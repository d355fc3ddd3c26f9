// One object while it is written. Steps run one after another, so a cut sees whole pieces:
//
//   append -> [chunk] -> piece -> (gzip member) -> tail -> part of 5 MiB -> ... -> cut: parts + tail   (stays open)
//                                                                              -> finish: last part  (to be committed)
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { HeldBytes } from './held-bytes.js'
import { LineChunk } from './line-chunk.js'
import { committable, type ObjectCut, type S3Committable } from './object-state.js'
import type { Turns } from './turns.js'
import type { UploadCalls, UploadedPart } from './upload-calls.js'

const compress = promisify(gzip)
const PIECE_BYTES = 256 * 1024

/** S3 wants every part but the last to have at least so much. */
export const PART_BYTES: number = 5 * 1024 * 1024

/** What the objects of a writer share. */
export interface ObjectHost {
  readonly bucket: string
  readonly calls: UploadCalls
  readonly gzip: boolean
  /** Of every part but the last: {@link PART_BYTES}. */
  readonly partBytes: number
  readonly contentType: string | undefined
  readonly held: HeldBytes
  readonly turns: Turns
  /** Something of an object could not be uploaded: everything after it is void. */
  failed(error: unknown): void
}

/** An object that grows by lines. Slot thread. Failures are MILLRACE_OUTPUT naming the object, of the step and of every later one. */
export class OpenObject {
  readonly key: string
  readonly token: string
  readonly partition: string
  readonly openedAtMs: number
  /** Kept by the writer. */
  lastWriteMs: number
  touched = false
  records = 0
  /** Set by the writer: a checkpoint may name the upload, so it is not to be aborted. */
  named = false
  private readonly host: ObjectHost
  private readonly chunk = new LineChunk()
  private queuedBytes = 0
  private tail: Buffer[] = []
  private tailBytes = 0
  private appendedBytes = 0
  /** Of the object, as far as they are known: compressed and complete pieces. */
  private encodedBytes = 0
  private uploadId: string | undefined
  private parts: UploadedPart[] = []
  private steps: Promise<unknown> = Promise.resolve()
  private abandoned = false

  constructor(host: ObjectHost, place: { key: string; token: string; partition: string }, nowMs: number) {
    this.host = host
    this.key = place.key
    this.token = place.token
    this.partition = place.partition
    this.openedAtMs = nowMs
    this.lastWriteMs = nowMs
  }

  /** Of the object so far; a little behind where it is compressed. */
  get bytes(): number {
    return this.host.gzip ? this.encodedBytes : this.appendedBytes
  }

  /** In memory and not about to leave it: what would be in a checkpoint, at most. */
  get tailSize(): number {
    const waiting = this.tailBytes + this.queuedBytes + this.chunk.length
    return this.host.gzip ? waiting : waiting % this.host.partBytes
  }

  append(line: string | Uint8Array): void {
    const bytes = this.chunk.append(line)
    this.appendedBytes += bytes
    this.records++
    this.host.held.add(bytes)
    if (this.chunk.length >= Math.min(PIECE_BYTES, this.host.partBytes)) this.seal()
  }

  /** The object as of now; it stays open. */
  cut(): Promise<ObjectCut> {
    this.seal()
    const { records } = this
    return this.step(() => {
      const { key, token, uploadId, parts, encodedBytes } = this
      return { key, token, uploadId, parts: [...parts], tail: Buffer.concat(this.tail), bytes: encodedBytes, records }
    })
  }

  /** The rest becomes the last part. Nothing may be appended any more. */
  finish(): Promise<S3Committable> {
    this.seal()
    return this.step(async () => {
      if (this.tailBytes > 0) await this.upload(this.takeTail(this.tailBytes))
      const { key, token, parts, records, encodedBytes } = this
      return committable(this.host.bucket, { key, token, parts, bytes: encodedBytes, records }, this.uploadId!)
    })
  }

  /** Ends it unfinished. The upload goes, unless a checkpoint may name it. Never rejects. */
  async abandon(): Promise<void> {
    this.abandoned = true
    await this.steps.catch(() => undefined)
    const { uploadId, host } = this
    if (uploadId !== undefined && !this.named) await host.calls.abortUpload(this.key, uploadId).catch(() => undefined)
  }

  private seal(): void {
    if (this.chunk.length === 0) return
    const piece = this.chunk.take()
    this.queuedBytes += piece.length
    this.step(() => this.add(piece)).catch(() => undefined)
  }

  private async add(piece: Buffer): Promise<void> {
    const bytes = this.host.gzip ? await compress(piece) : piece
    this.host.held.add(bytes.length - piece.length)
    this.queuedBytes -= piece.length
    this.tail.push(bytes)
    this.tailBytes += bytes.length
    this.encodedBytes += bytes.length
    while (this.tailBytes >= this.host.partBytes) await this.upload(this.takeTail(this.host.partBytes))
  }

  private async upload(bytes: Buffer): Promise<void> {
    const { host, key, token } = this
    const { calls } = host
    const number = this.parts.length + 1
    await host.turns.run(async () => {
      try {
        this.uploadId ??= await calls.createUpload(key, { token, contentType: host.contentType })
        this.parts.push({ number, etag: await calls.uploadPart(key, this.uploadId, number, bytes) })
      } catch (error) {
        throw calls.failure(error, 'upload', key, 's3:PutObject')
      }
    })
    host.held.add(-bytes.length)
  }

  private takeTail(count: number): Buffer {
    const all = this.tail.length === 1 ? this.tail[0]! : Buffer.concat(this.tail)
    this.tailBytes -= count
    // A copy: a view would keep the whole of it in memory.
    this.tail = this.tailBytes === 0 ? [] : [Buffer.from(all.subarray(count))]
    return all.subarray(0, count)
  }

  private step<R>(run: () => R | Promise<R>): Promise<R> {
    const result = this.steps.then(() => {
      if (this.abandoned) throw new Error('abandoned')
      return run()
    })
    this.steps = result
    result.catch((error: unknown) => {
      if (!this.abandoned) this.host.failed(error)
    })
    return result
  }
}
