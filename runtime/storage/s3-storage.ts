import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { MillraceError } from '../contract/errors.js'
import { probeStorage } from './probe.js'
import { connectToS3, type S3Connection } from './s3-client.js'
import {
  isConflict,
  isMissingObject,
  isPreconditionFailed,
  s3ErrorFacts,
  s3StorageError,
  withoutConnection,
} from './s3-errors.js'
import type { CheckpointStorage, StoredFile } from './storage.js'
import { byPath, checkStoragePath } from './storage-path.js'

const MAX_OBJECT_BYTES = 5 * 1024 ** 3
const CONFLICT_ATTEMPTS = 8
const CONFLICT_DELAY_MS = 50

/**
 * Checkpoint storage in S3, or in what speaks its protocol with conditional writes. The SDK is loaded and the connection made on first
 * use, from the environment. An object is one PUT: at most 5 GB.
 */
export class S3Storage implements CheckpointStorage {
  readonly #bucket: string
  readonly #prefix: string
  readonly #env: NodeJS.ProcessEnv
  #connection: Promise<S3Connection> | undefined

  /** `prefix` is empty or ends in `/`. `env` supplies region and endpoint; credentials come from the SDK's own chain. */
  constructor(bucket: string, prefix: string, env: NodeJS.ProcessEnv = process.env) {
    this.#bucket = bucket
    this.#prefix = prefix
    this.#env = env
  }

  /** Of `s3://bucket/prefix`. One that is not of this form is MILLRACE_USAGE. */
  static fromUrl(url: string, env: NodeJS.ProcessEnv = process.env): S3Storage {
    const parts = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(url)
    if (parts === null) {
      throw new MillraceError('MILLRACE_USAGE', `"${url}" is not of the form s3://bucket/prefix`, {
        hint: 'bucket names are lower case',
      })
    }
    const prefix = (parts[2] ?? '').replace(/^\/+|\/+$/g, '')
    return new S3Storage(parts[1] as string, prefix === '' ? '' : `${prefix}/`, env)
  }

  async createExclusive(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#put(path, bytes, true)
        return 'created'
      } catch (error) {
        if (isPreconditionFailed(error)) return 'exists'
        if (!isConflict(error) || attempt === CONFLICT_ATTEMPTS) throw s3StorageError('create', this.#url(path), error)
        await delay(CONFLICT_DELAY_MS * attempt * (0.5 + Math.random()))
      }
    }
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.overwrite(path, bytes)
  }

  async overwrite(path: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.#put(path, bytes, false)
    } catch (error) {
      throw s3StorageError('write', this.#url(path), error)
    }
  }

  async read(path: string): Promise<Buffer> {
    try {
      return await this.#get(path)
    } catch (error) {
      throw this.#readError(path, error)
    }
  }

  async readIfExists(path: string): Promise<Buffer | undefined> {
    try {
      return await this.#get(path)
    } catch (error) {
      if (isMissingObject(error)) return undefined
      throw this.#readError(path, error)
    }
  }

  async readRange(path: string, from: number, to: number): Promise<Buffer> {
    if (to <= from) return Buffer.alloc(0)
    try {
      return await this.#get(path, `bytes=${from}-${to - 1}`)
    } catch (error) {
      const { name, status } = s3ErrorFacts(error)
      if (name === 'InvalidRange' || status === 416) return Buffer.alloc(0)
      throw this.#readError(path, error)
    }
  }

  async list(prefix: string): Promise<StoredFile[]> {
    const found: StoredFile[] = []
    let token: string | undefined
    try {
      const { sdk, client } = await this.#connect()
      do {
        const page = await client.send(
          new sdk.ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: this.#prefix + prefix,
            ContinuationToken: token,
          }),
        )
        for (const object of page.Contents ?? []) {
          if (object.Key === undefined || object.Key.endsWith('/')) continue // a console's "folder"
          found.push({ path: object.Key.slice(this.#prefix.length), size: object.Size ?? 0 })
        }
        token = page.NextContinuationToken
      } while (token !== undefined)
    } catch (error) {
      throw s3StorageError('list', this.#url(prefix), error)
    }
    return found.sort(byPath)
  }

  async delete(path: string): Promise<void> {
    checkStoragePath(path)
    try {
      const { sdk, client } = await this.#connect()
      await client.send(new sdk.DeleteObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + path }))
    } catch (error) {
      if (!isMissingObject(error)) throw s3StorageError('delete', this.#url(path), error)
    }
  }

  describe(): string {
    return `s3://${this.#bucket}/${this.#prefix}`.replace(/\/$/, '')
  }

  async check(): Promise<void> {
    await probeStorage(this, randomUUID())
    await this.list('probes/')
  }

  #connect(): Promise<S3Connection> {
    this.#connection ??= connectToS3(this.#env)
    return this.#connection
  }

  async #put(path: string, bytes: Uint8Array, exclusive: boolean): Promise<void> {
    checkStoragePath(path)
    if (bytes.length > MAX_OBJECT_BYTES) {
      throw new MillraceError(
        'MILLRACE_STORAGE',
        `${this.#url(path)} would have ${bytes.length} bytes; one S3 PUT takes at most 5 GB`,
      )
    }
    const { sdk, client } = await this.#connect()
    const Body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const target = { Bucket: this.#bucket, Key: this.#prefix + path, Body }
    await client.send(new sdk.PutObjectCommand(exclusive ? { ...target, IfNoneMatch: '*' } : target))
  }

  async #get(path: string, range?: string): Promise<Buffer> {
    checkStoragePath(path)
    const { sdk, client } = await this.#connect()
    const target = { Bucket: this.#bucket, Key: this.#prefix + path }
    const answer = await client.send(
      new sdk.GetObjectCommand(range === undefined ? target : { ...target, Range: range }),
    )
    const bytes = await answer.Body?.transformToByteArray()
    return bytes === undefined ? Buffer.alloc(0) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  #readError(path: string, error: unknown): MillraceError {
    if (!isMissingObject(error)) return s3StorageError('read', this.#url(path), error)
    return new MillraceError('MILLRACE_STORAGE', `cannot read ${this.#url(path)}: no such object`, {
      cause: withoutConnection(error),
    })
  }

  #url(path: string): string {
    return `${this.describe()}/${path}`
  }
}
