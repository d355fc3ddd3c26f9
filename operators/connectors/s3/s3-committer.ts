import { isMissingUpload } from '../../../runtime/aws/s3-failure.js'
import type { JsonValue } from '../../../runtime/contract/json.js'
import type { SinkCommitter, SinkCommitterContext } from '../../../runtime/contract/sink.js'
import { ownNamePattern } from './object-name.js'
import { lostObject, type S3Committable, type S3OpenObject } from './object-state.js'
import { Turns } from './turns.js'
import type { ConnectUploads, UploadCalls } from './upload-calls.js'

const REQUESTS_AT_ONCE = 8

/** Completes uploads, which makes their objects visible, and aborts those that nothing names. Main thread. */
export class S3Committer implements SinkCommitter<S3Committable> {
  private readonly prefix: string
  private readonly connect: ConnectUploads
  private readonly ctx: SinkCommitterContext
  private readonly turns = new Turns(REQUESTS_AT_ONCE)
  private connected: Promise<UploadCalls> | undefined

  constructor(prefix: string, ctx: SinkCommitterContext, connect: ConnectUploads) {
    this.prefix = prefix
    this.ctx = ctx
    this.connect = connect
  }

  /**
   * A request that fails may have been carried out, by now or by an earlier call, whose answer got lost or whose process died: so it was
   * if the object has the token that the upload gave it. Anything else in its place is not ours.
   */
  async commit(committables: readonly S3Committable[]): Promise<void> {
    if (committables.length === 0) return
    const calls = await this.calls()
    await all(committables.map((one) => this.turns.run(() => complete(one, calls))))
  }

  async recover({
    writerStates = [],
  }: {
    readonly fresh: boolean
    readonly writerStates?: readonly JsonValue[]
  }): Promise<void> {
    const calls = await this.calls()
    const { runId, uid, epoch } = this.ctx
    const own = ownNamePattern(runId, uid)
    const needed = new Set((writerStates as readonly S3OpenObject[]).map(({ key, uploadId }) => `${uploadId} ${key}`))
    try {
      const uploads = await calls.listUploads(this.prefix === '' ? '' : `${this.prefix}/`)
      const left = uploads.filter(({ key, uploadId }) => {
        const match = own.exec(key.slice(key.lastIndexOf('/') + 1))
        // A newer epoch is a process that has taken over: not ours to clear.
        return match !== null && Number(match[1]) <= epoch && !needed.has(`${uploadId} ${key}`)
      })
      await all(left.map(({ key, uploadId }) => this.turns.run(() => calls.abortUpload(key, uploadId))))
    } catch (error) {
      const permission = 's3:ListBucketMultipartUploads and s3:AbortMultipartUpload'
      throw calls.failure(error, 'clear unfinished uploads below', this.prefix, permission)
    }
  }

  async close(): Promise<void> {
    const calls = await this.connected?.catch(() => undefined)
    calls?.close()
  }

  private calls(): Promise<UploadCalls> {
    this.connected ??= this.connect()
    return this.connected
  }
}

async function complete(one: S3Committable, calls: UploadCalls): Promise<void> {
  const { key, uploadId, parts } = one
  try {
    await calls.completeUpload(
      key,
      uploadId,
      parts.map(([number, etag]) => ({ number, etag })),
    )
  } catch (error) {
    await seeWhetherDone(error, one, calls)
  }
}

/** Resolves if the object is there, made by this very upload: the answer got lost, now or in an earlier process. Rejects else. */
async function seeWhetherDone(
  error: unknown,
  { bucket, key, token }: S3Committable,
  calls: UploadCalls,
): Promise<void> {
  const gone = isMissingUpload(error)
  let found: string | null | undefined
  try {
    found = await calls.tokenOf(key)
  } catch (second) {
    throw gone
      ? calls.failure(second, 'look at', key, 's3:GetObject')
      : calls.failure(error, 'publish', key, 's3:PutObject')
  }
  if (found === token) return
  if (!gone) throw calls.failure(error, 'publish', key, 's3:PutObject')
  const what = found === undefined ? 'there is no such object' : 'the object of that name is not its own'
  throw lostObject(bucket, key, `cannot be published: its upload is gone, and ${what}`)
}

/** All are done, well or badly, before the first failure is thrown: nothing goes on behind the caller's back. */
async function all(tasks: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(tasks)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
