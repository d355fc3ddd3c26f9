import { MillraceError } from '../contract/errors.js'

/** How objects are encrypted at rest. Without it: as the bucket does by default. */
export interface S3Encryption {
  /** `AES256`: with keys of S3 (SSE-S3). `aws:kms`: with a key of KMS (SSE-KMS). */
  readonly sse?: 'AES256' | 'aws:kms'
  /** Id, alias or ARN of the KMS key; default: the account's own for S3. Only with `aws:kms`. */
  readonly kmsKeyId?: string
}

/** The names of {@link S3Encryption} in locators and URLs. */
export const S3_ENCRYPTION_NAMES = ['sse', 'kmsKeyId'] as const

/** {@link S3Encryption} out of a locator's or URL's query. What is not of it is an error with `code`, `place` naming where it stands. */
export function s3EncryptionFrom(
  query: Readonly<Record<string, string | undefined>>,
  code: 'MILLRACE_USAGE' | 'MILLRACE_PARAM' | 'MILLRACE_GRAPH',
  place: string,
): S3Encryption {
  const { sse, kmsKeyId } = query
  if (sse !== undefined && sse !== 'AES256' && sse !== 'aws:kms') {
    throw new MillraceError(code, `${place}: sse=${sse} is not known`, { hint: 'give AES256 or aws:kms' })
  }
  if (kmsKeyId !== undefined && sse !== 'aws:kms') {
    throw new MillraceError(code, `${place}: kmsKeyId is for sse=aws:kms`, { hint: 'add sse=aws:kms, or leave it out' })
  }
  return { ...(sse === undefined ? {} : { sse }), ...(kmsKeyId === undefined ? {} : { kmsKeyId }) }
}

/** The parameters of PutObject and CreateMultipartUpload. */
export function encryptionParameters({ sse, kmsKeyId }: S3Encryption): {
  readonly ServerSideEncryption?: 'AES256' | 'aws:kms'
  readonly SSEKMSKeyId?: string
} {
  return {
    ...(sse === undefined ? {} : { ServerSideEncryption: sse }),
    ...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }),
  }
}
