import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { UploadedPart } from './upload-calls.js'

const compress = promisify(gzip)
const decompress = promisify(gunzip)

/** What the committer needs to complete an upload. Part of the checkpoint. */
export type S3Committable = {
  readonly bucket: string
  readonly key: string
  readonly uploadId: string
  readonly token: string
  readonly parts: readonly (readonly [number: number, etag: string])[]
  readonly bytes: number
  readonly records: number
}

/** An object that stays open across a checkpoint: its uploaded parts, and what is too small to be one. Part of the checkpoint. */
export type S3OpenObject = {
  readonly bucket: string
  readonly key: string
  /** Null as long as no part has been uploaded. */
  readonly uploadId: string | null
  readonly token: string
  readonly parts: readonly (readonly [number: number, etag: string])[]
  /** Base64 of the object's bytes behind the last part, gzipped for the checkpoint unless the object is. */
  readonly tail: string
  readonly tailGzipped: boolean
  readonly bytes: number
  readonly records: number
}

/** An open object as of a barrier, before it is written down. */
export interface ObjectCut {
  readonly key: string
  readonly token: string
  readonly uploadId: string | undefined
  readonly parts: readonly UploadedPart[]
  readonly tail: Buffer
  readonly bytes: number
  readonly records: number
}

/** The cut as it goes into the checkpoint. `compressed`: the object's own bytes are gzipped already. */
export async function toState(bucket: string, cut: ObjectCut, compressed: boolean): Promise<S3OpenObject> {
  const { key, token, uploadId = null, parts, tail, bytes, records } = cut
  const kept = compressed ? tail : await compress(tail, { level: 1 })
  return {
    bucket,
    key,
    uploadId,
    token,
    parts: parts.map(({ number, etag }) => [number, etag]),
    tail: kept.toString('base64'),
    tailGzipped: !compressed,
    bytes,
    records,
  }
}

/** The inverse. */
export async function fromState(state: S3OpenObject): Promise<ObjectCut> {
  const { key, token, uploadId, parts, bytes, records } = state
  const kept = Buffer.from(state.tail, 'base64')
  return {
    key,
    token,
    uploadId: uploadId ?? undefined,
    parts: parts.map(([number, etag]) => ({ number, etag })),
    tail: state.tailGzipped ? await decompress(kept) : kept,
    bytes,
    records,
  }
}

/** The committable of an object all of whose bytes are in these parts. */
export function committable(
  bucket: string,
  cut: Omit<ObjectCut, 'tail' | 'uploadId'>,
  uploadId: string,
): S3Committable {
  const { key, token, parts, bytes, records } = cut
  return {
    bucket,
    key,
    uploadId,
    token,
    parts: parts.map(({ number, etag }) => [number, etag]),
    bytes,
    records,
  }
}

/** What a checkpoint or an earlier commit needs is gone for good: MILLRACE_OUTPUT naming the object. */
export function lostObject(bucket: string, key: string, what: string): MillraceError {
  return new MillraceError('MILLRACE_OUTPUT', `s3://${bucket}/${key} ${what}`, {
    hint: 'see that no lifecycle rule aborts uploads while the job may still go on; or start from the beginning with --restore none',
  })
}
