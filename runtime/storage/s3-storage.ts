import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { awsErrorFacts } from '../aws/aws-errors.js'
import { backoffMs } from '../aws/backoff.js'
import { connectToS3, type S3Connection } from '../aws/s3-client.js'
import { encryptionParameters } from '../aws/s3-encryption.js'
import { isMissingObject, isMissingUpload, s3Failure } from '../aws/s3-failure.js'
import { MillraceError } from '../contract/errors.js'
import { probeStorage } from './probe.js'
import { type S3Place, s3Place, shownPlace } from './s3-place.js'
import { patiently, PUT_SETTINGS, putObject, type PutSettings } from './s3-put.js'
import type { CheckpointStorage, StoredFile } from './storage.js'
import { byPath, checkStoragePath } from './storage-path.js'

const CONFLICT_ATTEMPTS = 10
const CONFLICT_DELAY = { baseMs: 50, maxMs: 2_000 }
const PERMISSIONS = 's3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and s3:ListBucket'

/**
 * Checkpoint storage in S3, or in what speaks its protocol with conditional writes. The SDK is loaded and the connection made on first
 * use. What is created exclusively is one PUT (a manifest); other large objects are uploaded in parts.
 */
export class S3Storage implements CheckpointStorage {
  readonly #place: S3Place
  readonly #settings: PutSettings
  #connection: Promise<S3Connection> | undefined

  constructor(place: S3Place, settings: PutSettings = PUT_SETTINGS) {
    this.#place = place
    this.#settings = settings
  }

  /** Of `s3://bucket/prefix?sse=...`. One that is not of this form is MILLRACE_USAGE. */
  static fromUrl(url: string, settings: Partial<PutSettings> = {}): S3Storage {
    return new S3Storage(s3Place(url), { ...PUT_SETTINGS, ...settings })
  }

  async createExclusive(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    const input = { ...this.#target(path), Body: bufferOf(bytes), IfNoneMatch: '*' }
    return this.#failing(`create ${this.#url(path)}`, async ({ sdk, client }) => {
      const put = new sdk.PutObjectCommand({ ...input, ...encryptionParameters(this.#place.encryption) })
      for (let attempt = 1; ; attempt++) {
        try {
          await patiently(() => client.send(put), this.#settings)
          return 'created'
        } catch (error) {
          if (isPreconditionFailed(error)) return 'exists'
          // Another conditional write of the same object was under way: neither has failed for good, S3 asks to try again.
          if (!isConflict(error) || attempt === CONFLICT_ATTEMPTS) throw error
          await delay(backoffMs(attempt, { ...CONFLICT_DELAY, random: this.#settings.random }))
        }
      }
    })
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const target = this.#target(path)
    await this.#failing(`write ${this.#url(path)}`, async (connection) => {
      try {
        await putObject(connection, target, bufferOf(bytes), this.#place.encryption, this.#settings)
      } catch (error) {
        // A completed upload whose answer got lost is gone when it is asked for again: nobody else uses the name.
        if (!isMissingUpload(error) || (await this.#sizeOf(connection, path)) !== bytes.length) throw error
      }
    })
  }

  async overwrite(path: string, bytes: Uint8Array): Promise<void> {
    const target = this.#target(path)
    // One PUT, and soon or not at all: who replaces something must know when it was, and of an upload whose answer got lost nobody
    // could tell whether it was this one.
    const settings = { ...this.#settings, multipartBytes: Infinity, attempts: 1 }
    await this.#failing(`write ${this.#url(path)}`, (connection) =>
      putObject(connection, target, bufferOf(bytes), this.#place.encryption, settings),
    )
  }

  async read(path: string): Promise<Buffer> {
    const bytes = await this.readIfExists(path)
    return bytes ?? this.#missing(path)
  }

  async readIfExists(path: string): Promise<Buffer | undefined> {
    return this.#failing(`read ${this.#url(path)}`, (connection) => this.#get(connection, path, undefined))
  }

  async readRange(path: string, from: number, to: number): Promise<Buffer> {
    checkStoragePath(path)
    if (to <= from) return Buffer.alloc(0)
    const bytes = await this.#failing(`read ${this.#url(path)}`, (connection) =>
      this.#get(connection, path, `bytes=${from}-${to - 1}`),
    )
    return bytes ?? this.#missing(path)
  }

  async list(prefix: string): Promise<StoredFile[]> {
    const { bucket: Bucket, prefix: root } = this.#place
    const found: StoredFile[] = []
    await this.#failing(`list ${this.#url(prefix)}`, async ({ sdk, client }) => {
      let token: string | undefined
      do {
        const page = new sdk.ListObjectsV2Command({ Bucket, Prefix: root + prefix, ContinuationToken: token })
        const answer = await patiently(() => client.send(page), this.#settings)
        for (const object of answer.Contents ?? []) {
          if (object.Key === undefined || object.Key.endsWith('/')) continue // a console's "folder"
          found.push({ path: object.Key.slice(root.length), size: object.Size ?? 0 })
        }
        token = answer.NextContinuationToken
      } while (token !== undefined)
    })
    return found.sort(byPath)
  }

  async delete(path: string): Promise<void> {
    const target = this.#target(path)
    await this.#failing(`delete ${this.#url(path)}`, async ({ sdk, client }) => {
      try {
        await patiently(() => client.send(new sdk.DeleteObjectCommand(target)), this.#settings)
      } catch (error) {
        if (!isMissingObject(error)) throw error
      }
    })
  }

  describe(): string {
    return shownPlace(this.#place)
  }

  url(): string {
    const { query } = this.#place
    return query === '' ? this.describe() : `${this.describe()}?${query}`
  }

  async check(): Promise<void> {
    await probeStorage(this, randomUUID())
    await this.list('probes/')
  }

  #target(path: string): { readonly Bucket: string; readonly Key: string } {
    checkStoragePath(path)
    return { Bucket: this.#place.bucket, Key: this.#place.prefix + path }
  }

  /** The whole object or a range of it; undefined if there is none. */
  async #get({ sdk, client }: S3Connection, path: string, range: string | undefined): Promise<Buffer | undefined> {
    const target = this.#target(path)
    try {
      return await patiently(async () => {
        const get = new sdk.GetObjectCommand(range === undefined ? target : { ...target, Range: range })
        // The body is part of the request that may have to be made again.
        const bytes = await (await client.send(get)).Body?.transformToByteArray()
        return bytes === undefined ? Buffer.alloc(0) : bufferOf(bytes)
      }, this.#settings)
    } catch (error) {
      const { name, httpStatus } = awsErrorFacts(error)
      if (name === 'InvalidRange' || httpStatus === 416) return Buffer.alloc(0)
      if (isMissingObject(error)) return undefined
      throw error
    }
  }

  async #sizeOf({ sdk, client }: S3Connection, path: string): Promise<number | undefined> {
    try {
      return (await client.send(new sdk.HeadObjectCommand(this.#target(path)))).ContentLength
    } catch (error) {
      if (isMissingObject(error)) return undefined
      throw error
    }
  }

  #connect(): Promise<S3Connection> {
    this.#connection ??= connectToS3(this.#place.aws)
    return this.#connection
  }

  async #failing<R>(action: string, run: (connection: S3Connection) => Promise<R>): Promise<R> {
    const connection = await this.#connect()
    try {
      return await run(connection)
    } catch (error) {
      const { region } = connection
      const about = {
        code: 'MILLRACE_STORAGE' as const,
        action: `cannot ${action}`,
        bucket: this.#place.bucket,
        region,
      }
      throw s3Failure(error, { ...about, permission: PERMISSIONS })
    }
  }

  #missing(path: string): never {
    throw new MillraceError('MILLRACE_STORAGE', `cannot read ${this.#url(path)}: no such object`)
  }

  #url(path: string): string {
    return `${this.describe()}/${path}`
  }
}

/** Whether a conditional write found the object there already. */
function isPreconditionFailed(error: unknown): boolean {
  const { name, httpStatus } = awsErrorFacts(error)
  return name === 'PreconditionFailed' || httpStatus === 412
}

function isConflict(error: unknown): boolean {
  const { name, httpStatus } = awsErrorFacts(error)
  return name === 'ConditionalRequestConflict' || httpStatus === 409
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
