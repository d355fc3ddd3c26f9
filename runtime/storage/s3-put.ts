// How bytes get into S3: small ones by one PUT, large ones in parts at once. Each request is tried again by the SDK, and here on top of
// it while the failure is one that passes: a checkpoint is worth more patience than a request.
//
//   bytes <= 32 MiB: PutObject          else: create -> 4 parts of 16 MiB at a time -> complete | abort
import { setTimeout as delay } from 'node:timers/promises'
import { isTransient } from '../aws/aws-errors.js'
import { backoffMs } from '../aws/backoff.js'
import type { S3Connection } from '../aws/s3-client.js'
import { encryptionParameters, type S3Encryption } from '../aws/s3-encryption.js'

/** How patient and in what pieces objects are written. */
export interface PutSettings {
  /** Larger ones are uploaded in parts. */
  readonly multipartBytes: number
  readonly partBytes: number
  readonly partsAtOnce: number
  /** Of a request that the SDK has given up on. */
  readonly attempts: number
  readonly retryBaseMs: number
  readonly retryMaxMs: number
  readonly random: () => number
}

/** What checkpoint storage uses. */
export const PUT_SETTINGS: PutSettings = {
  multipartBytes: 32 * 1024 * 1024,
  partBytes: 16 * 1024 * 1024,
  partsAtOnce: 4,
  attempts: 4,
  retryBaseMs: 500,
  retryMaxMs: 8_000,
  random: Math.random,
}

/** Where an object goes. */
export interface PutTarget {
  readonly Bucket: string
  readonly Key: string
}

/** Runs `request` again while it fails in a way that passes. */
export async function patiently<R>(request: () => Promise<R>, settings: PutSettings): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request()
    } catch (error) {
      if (attempt === settings.attempts || !isTransient(error)) throw error
      const { retryBaseMs: baseMs, retryMaxMs: maxMs, random } = settings
      await delay(backoffMs(attempt, { baseMs, maxMs, random }))
    }
  }
}

/** Writes an object, replacing one that is there. Rejects with the SDK's error. */
export async function putObject(
  connection: S3Connection,
  target: PutTarget,
  bytes: Buffer,
  encryption: S3Encryption,
  settings: PutSettings,
): Promise<void> {
  if (bytes.length > settings.multipartBytes) return uploadInParts(connection, target, bytes, encryption, settings)
  const { sdk, client } = connection
  const input = { ...target, Body: bytes, ...encryptionParameters(encryption) }
  await patiently(() => client.send(new sdk.PutObjectCommand(input)), settings)
}

async function uploadInParts(
  { sdk, client }: S3Connection,
  target: PutTarget,
  bytes: Buffer,
  encryption: S3Encryption,
  settings: PutSettings,
): Promise<void> {
  const begin = new sdk.CreateMultipartUploadCommand({ ...target, ...encryptionParameters(encryption) })
  const { UploadId } = await patiently(() => client.send(begin), settings)
  const upload = { ...target, UploadId: UploadId! }
  try {
    const Parts = await parts(bytes, settings, async (number, part) => {
      const one = { ...upload, PartNumber: number, Body: part, ContentLength: part.length }
      return (await client.send(new sdk.UploadPartCommand(one))).ETag!
    })
    await patiently(
      () => client.send(new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } })),
      settings,
    )
  } catch (error) {
    // What was uploaded costs money until then. The first error is the one to tell of.
    await client.send(new sdk.AbortMultipartUploadCommand(upload)).catch(() => undefined)
    throw error
  }
}

async function parts(
  bytes: Buffer,
  settings: PutSettings,
  send: (number: number, part: Buffer) => Promise<string>,
): Promise<{ PartNumber: number; ETag: string }[]> {
  const { partBytes, partsAtOnce } = settings
  const count = Math.ceil(bytes.length / partBytes)
  const done: { PartNumber: number; ETag: string }[] = []
  let next = 1
  let failed = false
  const lane = async (): Promise<void> => {
    while (next <= count && !failed) {
      const number = next++
      const part = bytes.subarray((number - 1) * partBytes, number * partBytes)
      try {
        done[number - 1] = { PartNumber: number, ETag: await patiently(() => send(number, part), settings) }
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(partsAtOnce, count) }, lane))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return done
}
