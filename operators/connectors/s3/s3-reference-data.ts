import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { StandardSchema } from '../../formats/standard-schema.js'
import type {
  LoadedReference,
  ReferenceData,
  ReferenceKey,
  ReferenceLoader,
  ReferenceOptions,
} from '../reference/reference.js'
import { referenceData } from '../reference/reference-data.js'
import { objectRows, type RowFormat } from './object-rows.js'
import {
  type ConnectObjects,
  connectObjects,
  type ListedObject,
  missing,
  type ReferenceObjects,
} from './reference-objects.js'

/** What {@link s3ReferenceData} reads. */
export interface S3ReferenceOptions<K, V> extends ReferenceOptions {
  readonly bucket: string
  /** One object; either this or `prefix`. */
  readonly key?: string
  /** All objects whose keys begin so. */
  readonly prefix?: string
  /** What an object holds, gzipped or not. Default `jsonLines`. CSV has a header; its rows are objects of strings. */
  readonly format?: RowFormat
  /** Checks and types the rows. One row that does not pass is none: the whole reading fails. */
  readonly schema?: StandardSchema<V>
  /** What a row is looked up by. Of rows with the same key the last counts, in the order of the objects' keys. */
  readonly keyOf: (row: V) => K
  /** How S3 is reached. */
  readonly aws?: AwsOptions
}

/** What was read of each object, by key. */
type Version<V> = ReadonlyMap<string, { readonly etag: string; readonly rows: readonly V[] }>

const ATTEMPTS = 3

/**
 * Reference data from S3: products, bots, postal codes. Read whole at the start, then looked at every `refresh` (default `5m`) by ETag:
 * only what has changed is read again. Of several objects, those of one listing are taken, together or not at all. MILLRACE_INPUT,
 * naming the object, if it is not there at the start, may not be read or does not parse.
 */
export function s3ReferenceData<V = unknown, K extends ReferenceKey = ReferenceKey>(
  options: S3ReferenceOptions<K, V>,
): ReferenceData<K, V> {
  return s3ReferenceDataOver(options, () => connectObjects(options.bucket, options.aws ?? {}))
}

/** {@link s3ReferenceData} with another way to S3, for tests. */
export function s3ReferenceDataOver<V, K extends ReferenceKey>(
  options: S3ReferenceOptions<K, V>,
  connect: ConnectObjects,
): ReferenceData<K, V> {
  const { key, prefix } = options
  if ((key === undefined) === (prefix === undefined) || key === '') {
    throw new MillraceError('MILLRACE_GRAPH', 's3ReferenceData needs a key or a prefix', { hint: 'give one of them' })
  }
  return referenceData(new S3Loader(options, connect), options)
}

class S3Loader<K, V> implements ReferenceLoader<K, V> {
  readonly describe: string
  private readonly options: S3ReferenceOptions<K, V>
  private readonly connect: ConnectObjects
  private connected: Promise<ReferenceObjects> | undefined

  constructor(options: S3ReferenceOptions<K, V>, connect: ConnectObjects) {
    this.options = options
    this.connect = connect
    this.describe = `s3://${options.bucket}/${options.key ?? `${options.prefix}*`}`
  }

  async check(): Promise<void> {
    const { key, prefix = '' } = this.options
    const objects = await this.objects()
    if (key !== undefined) return objects.probe(key)
    if ((await objects.list(prefix)).length === 0) throw missing(this.describe)
  }

  async load(known: LoadedReference<K, V> | undefined): Promise<LoadedReference<K, V> | undefined> {
    const before = (known?.version ?? new Map()) as Version<V>
    const objects = await this.objects()
    const { key } = this.options
    const now = key === undefined ? await this.listed(objects, before) : await this.single(objects, key, before)
    if (now === undefined) return undefined
    const entries = new Map<K, V>()
    for (const { rows } of now.values()) for (const row of rows) entries.set(this.options.keyOf(row), row)
    return { version: now, entries }
  }

  close(): void {
    const { connected } = this
    this.connected = undefined
    connected?.then(
      (objects) => objects.close(),
      () => undefined,
    )
  }

  private async single(objects: ReferenceObjects, key: string, before: Version<V>): Promise<Version<V> | undefined> {
    const read = await objects.get(key, before.get(key)?.etag)
    return read === undefined ? undefined : new Map([[key, { etag: read.etag, rows: this.rows(key, read.bytes) }]])
  }

  private async listed(objects: ReferenceObjects, before: Version<V>): Promise<Version<V> | undefined> {
    const { prefix = '' } = this.options
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const list = await objects.list(prefix)
      if (list.length === 0) throw missing(this.describe)
      if (list.length === before.size && list.every(({ key, etag }) => before.get(key)?.etag === etag)) return undefined
      const now = await this.readAll(objects, list, before)
      if (now !== undefined) return now
    }
    throw new MillraceError('MILLRACE_INPUT', `reference data ${this.describe} changes while it is read`, {
      hint: 'write all objects anew below another prefix, or one object instead of several',
    })
  }

  /** Undefined if an object is not what the listing said any more. */
  private async readAll(
    objects: ReferenceObjects,
    list: readonly ListedObject[],
    before: Version<V>,
  ): Promise<Version<V> | undefined> {
    const now = new Map<string, { readonly etag: string; readonly rows: readonly V[] }>()
    for (const { key, etag } of list) {
      const known = before.get(key)
      if (known?.etag === etag) {
        now.set(key, known)
        continue
      }
      const read = await objects.getVersion(key, etag)
      if (read === undefined) return undefined
      now.set(key, { etag, rows: this.rows(key, read.bytes) })
    }
    return now
  }

  private rows(key: string, bytes: Buffer): V[] {
    const { bucket, format = 'jsonLines', schema } = this.options
    return objectRows(bytes, `s3://${bucket}/${key}`, format, schema)
  }

  private objects(): Promise<ReferenceObjects> {
    // A connection that could not be made is tried again.
    this.connected ??= this.connect().catch((error: unknown) => {
      this.connected = undefined
      throw error
    })
    return this.connected
  }
}
