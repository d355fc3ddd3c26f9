import { awsErrorFacts } from '../../../runtime/aws/aws-errors.js'
import { connectToS3, type S3Connection } from '../../../runtime/aws/s3-client.js'
import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import { encryptionParameters, type S3Encryption } from '../../../runtime/aws/s3-encryption.js'
import { isMissingObject, s3Failure } from '../../../runtime/aws/s3-failure.js'
import type { MillraceError } from '../../../runtime/contract/errors.js'

/** A part of a multipart upload, as S3 confirmed it. */
export interface UploadedPart {
  readonly number: number
  readonly etag: string
}

/** An upload that was begun and neither completed nor aborted. */
export interface PendingUpload {
  readonly key: string
  readonly uploadId: string
}

/** What a new upload's object will be. */
export interface NewUpload {
  readonly token: string
  readonly contentType: string | undefined
}

/** The requests that the sink makes of one bucket. Rejections are the SDK's own errors, after its retries; see `failure`. */
export interface UploadCalls {
  createUpload(key: string, about: NewUpload): Promise<string>
  /** The part's ETag. */
  uploadPart(key: string, uploadId: string, number: number, bytes: Buffer): Promise<string>
  completeUpload(key: string, uploadId: string, parts: readonly UploadedPart[]): Promise<void>
  /** One that is gone is no error. */
  abortUpload(key: string, uploadId: string): Promise<void>
  listUploads(prefix: string): Promise<readonly PendingUpload[]>
  /** The token in the metadata of the object: null if it has none, undefined if there is no such object. */
  tokenOf(key: string): Promise<string | null | undefined>
  /** The bucket may be listed, without which nobody is told that an object is missing. */
  headBucket(): Promise<void>
  /** MILLRACE_OUTPUT for what one of these rejected with; `action` as in `complete`, `key` undefined for the bucket. */
  failure(error: unknown, action: string, key: string | undefined, permission: string): MillraceError
  close(): void
}

/** How a sink comes by its {@link UploadCalls}; tests pass a model of S3. */
export type ConnectUploads = () => Promise<UploadCalls>

/** The object is ours if its metadata has the token of the upload that made it. */
const TOKEN = 'millrace-token'
/** About half a minute with the SDK's backoff: what fails for longer is the job's restart strategy to decide. */
const MAX_ATTEMPTS = 8

/** {@link UploadCalls} by the SDK. Any thread. MILLRACE_USAGE without a region. */
export async function connectUploads(bucket: string, aws: AwsOptions, encryption: S3Encryption): Promise<UploadCalls> {
  return new SdkUploads(await connectToS3(aws, MAX_ATTEMPTS), bucket, encryption)
}

class SdkUploads implements UploadCalls {
  private readonly connection: S3Connection
  private readonly bucket: string
  private readonly encryption: S3Encryption

  constructor(connection: S3Connection, bucket: string, encryption: S3Encryption) {
    this.connection = connection
    this.bucket = bucket
    this.encryption = encryption
  }

  async createUpload(key: string, { token, contentType }: NewUpload): Promise<string> {
    const { sdk, client } = this.connection
    const answer = await client.send(
      new sdk.CreateMultipartUploadCommand({
        Bucket: this.bucket,
        Key: key,
        Metadata: { [TOKEN]: token },
        ...(contentType === undefined ? {} : { ContentType: contentType }),
        ...encryptionParameters(this.encryption),
      }),
    )
    return answer.UploadId!
  }

  async uploadPart(key: string, uploadId: string, number: number, bytes: Buffer): Promise<string> {
    const { sdk, client } = this.connection
    const answer = await client.send(
      new sdk.UploadPartCommand({
        Bucket: this.bucket,
        Key: key,
        UploadId: uploadId,
        PartNumber: number,
        Body: bytes,
        ContentLength: bytes.length,
      }),
    )
    return answer.ETag!
  }

  async completeUpload(key: string, uploadId: string, parts: readonly UploadedPart[]): Promise<void> {
    const { sdk, client } = this.connection
    const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag }))
    await client.send(
      new sdk.CompleteMultipartUploadCommand({
        Bucket: this.bucket,
        Key: key,
        UploadId: uploadId,
        MultipartUpload: { Parts },
      }),
    )
  }

  async abortUpload(key: string, uploadId: string): Promise<void> {
    const { sdk, client } = this.connection
    try {
      await client.send(new sdk.AbortMultipartUploadCommand({ Bucket: this.bucket, Key: key, UploadId: uploadId }))
    } catch (error) {
      if (awsErrorFacts(error).name !== 'NoSuchUpload') throw error
    }
  }

  async listUploads(prefix: string): Promise<readonly PendingUpload[]> {
    const { sdk, client } = this.connection
    const found: PendingUpload[] = []
    let next: { KeyMarker?: string; UploadIdMarker?: string } = {}
    for (;;) {
      const page = await client.send(
        new sdk.ListMultipartUploadsCommand({ Bucket: this.bucket, Prefix: prefix, ...next }),
      )
      for (const { Key, UploadId } of page.Uploads ?? []) {
        // Not every look-alike heeds the prefix.
        if (Key?.startsWith(prefix) === true && UploadId !== undefined) found.push({ key: Key, uploadId: UploadId })
      }
      const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page
      if (IsTruncated !== true || NextKeyMarker === undefined) return found
      next = {
        KeyMarker: NextKeyMarker,
        ...(NextUploadIdMarker === undefined ? {} : { UploadIdMarker: NextUploadIdMarker }),
      }
    }
  }

  async tokenOf(key: string): Promise<string | null | undefined> {
    const { sdk, client } = this.connection
    try {
      const answer = await client.send(new sdk.HeadObjectCommand({ Bucket: this.bucket, Key: key }))
      return answer.Metadata?.[TOKEN] ?? null
    } catch (error) {
      if (isMissingObject(error)) return undefined
      throw error
    }
  }

  async headBucket(): Promise<void> {
    const { sdk, client } = this.connection
    await client.send(new sdk.HeadBucketCommand({ Bucket: this.bucket }))
  }

  failure(error: unknown, action: string, key: string | undefined, permission: string): MillraceError {
    const { bucket } = this
    const what = key === undefined ? `s3://${bucket}` : `s3://${bucket}/${key}`
    const { region } = this.connection
    return s3Failure(error, { code: 'MILLRACE_OUTPUT', action: `cannot ${action} ${what}`, bucket, region, permission })
  }

  close(): void {
    this.connection.client.destroy()
  }
}
