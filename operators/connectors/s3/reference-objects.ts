import { awsErrorFacts } from '../../../runtime/aws/aws-errors.js'
import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import { connectToS3, type S3Connection } from '../../../runtime/aws/s3-client.js'
import { isMissingObject, s3Failure } from '../../../runtime/aws/s3-failure.js'
import { MillraceError } from '../../../runtime/contract/errors.js'

/** An object as a listing has it. */
export interface ListedObject {
  readonly key: string
  readonly etag: string
}

/** An object's content. */
export interface ReadObject {
  readonly bytes: Buffer
  readonly etag: string
}

/** The requests that reading reference data makes of one bucket. Failures are MILLRACE_INPUT naming the object or bucket. */
export interface ReferenceObjects {
  /** The object, unless it has that ETag still: then undefined. */
  get(key: string, unless?: string): Promise<ReadObject | undefined>
  /** The object, but only in that version: undefined if it is another by now, or gone. */
  getVersion(key: string, etag: string): Promise<ReadObject | undefined>
  /** Rejects if there is no such object, or it may not be read. */
  probe(key: string): Promise<void>
  /** Ordered by key. */
  list(prefix: string): Promise<readonly ListedObject[]>
  close(): void
}

/** How a loader comes by its {@link ReferenceObjects}; tests pass a model. */
export type ConnectObjects = () => Promise<ReferenceObjects>

/** {@link ReferenceObjects} by the SDK. MILLRACE_USAGE without a region. */
export async function connectObjects(bucket: string, aws: AwsOptions): Promise<ReferenceObjects> {
  return new SdkObjects(await connectToS3(aws), bucket)
}

class SdkObjects implements ReferenceObjects {
  private readonly connection: S3Connection
  private readonly bucket: string

  constructor(connection: S3Connection, bucket: string) {
    this.connection = connection
    this.bucket = bucket
  }

  async get(key: string, unless?: string): Promise<ReadObject | undefined> {
    try {
      return await this.read(key, unless === undefined ? {} : { IfNoneMatch: unless })
    } catch (error) {
      const { name, httpStatus } = awsErrorFacts(error)
      if (httpStatus === 304 || name === 'NotModified') return undefined
      throw this.failure(error, key)
    }
  }

  async getVersion(key: string, etag: string): Promise<ReadObject | undefined> {
    try {
      return await this.read(key, { IfMatch: etag })
    } catch (error) {
      if (awsErrorFacts(error).httpStatus === 412 || isMissingObject(error)) return undefined
      throw this.failure(error, key)
    }
  }

  async probe(key: string): Promise<void> {
    try {
      // Not HEAD: its answers have no body to say what is wrong.
      await this.read(key, { Range: 'bytes=0-0' })
    } catch (error) {
      if (awsErrorFacts(error).httpStatus !== 416) throw this.failure(error, key)
    }
  }

  async list(prefix: string): Promise<readonly ListedObject[]> {
    const { sdk, client } = this.connection
    const found: ListedObject[] = []
    let token: string | undefined
    try {
      do {
        const page = await client.send(
          new sdk.ListObjectsV2Command({ Bucket: this.bucket, Prefix: prefix, ContinuationToken: token }),
        )
        for (const { Key, ETag, Size } of page.Contents ?? []) {
          // Empty ones are a console's "folders", or hold nothing.
          if (Key !== undefined && ETag !== undefined && Size !== 0) found.push({ key: Key, etag: ETag })
        }
        token = page.NextContinuationToken
      } while (token !== undefined)
    } catch (error) {
      throw this.failure(error, prefix, 's3:ListBucket')
    }
    return found.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  }

  close(): void {
    this.connection.client.destroy()
  }

  private async read(
    key: string,
    condition: { IfNoneMatch?: string; IfMatch?: string; Range?: string },
  ): Promise<ReadObject> {
    const { sdk, client } = this.connection
    const answer = await client.send(new sdk.GetObjectCommand({ Bucket: this.bucket, Key: key, ...condition }))
    const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array(0)
    return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), etag: answer.ETag ?? '' }
  }

  private failure(error: unknown, key: string, permission = 's3:GetObject'): MillraceError {
    const { bucket } = this
    const place = `s3://${bucket}/${key}`
    if (isMissingObject(error)) return missing(place)
    const { region } = this.connection
    return s3Failure(error, { code: 'MILLRACE_INPUT', action: `cannot read ${place}`, bucket, region, permission })
  }
}

/** The error for reference data that is not there. */
export function missing(place: string): MillraceError {
  return new MillraceError('MILLRACE_INPUT', `reference data ${place} does not exist`, {
    hint: 'put it there, or look at the name of the bucket and the key',
  })
}
