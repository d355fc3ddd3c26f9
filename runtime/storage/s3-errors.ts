import { MillraceError } from '../contract/errors.js'

/** The error's name as S3 sends it (`NoSuchKey`, `PreconditionFailed`...) and the HTTP status, where it has one. */
export function s3ErrorFacts(error: unknown): { readonly name: string; readonly status: number | undefined } {
  const own = error as { name?: string; Code?: string; $metadata?: { httpStatusCode?: number } } | null | undefined
  return { name: own?.Code ?? own?.name ?? '', status: own?.$metadata?.httpStatusCode }
}

/** Whether a conditional write found the object there already. */
export function isPreconditionFailed(error: unknown): boolean {
  const { name, status } = s3ErrorFacts(error)
  return name === 'PreconditionFailed' || status === 412
}

/** Whether another conditional write of the same object was under way: neither counts as failed for good, S3 asks to try again. */
export function isConflict(error: unknown): boolean {
  const { name, status } = s3ErrorFacts(error)
  return name === 'ConditionalRequestConflict' || status === 409
}

/** Whether the object (not the bucket) does not exist. */
export function isMissingObject(error: unknown): boolean {
  const { name, status } = s3ErrorFacts(error)
  return name !== 'NoSuchBucket' && (name === 'NoSuchKey' || name === 'NotFound' || status === 404)
}

/** A failed S3 request as MILLRACE_STORAGE: what was attempted, on which URL, why it failed and what to do. */
export function s3StorageError(action: string, url: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error
  const [reason, hint] = explain(error)
  return new MillraceError('MILLRACE_STORAGE', `cannot ${action} ${url}: ${reason}`, {
    cause: withoutConnection(error),
    ...(hint === undefined ? {} : { hint }),
  })
}

/** The SDK's errors carry the whole response, sockets included: a logged one would fill pages. */
export function withoutConnection(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const brief = new Error(error.message)
  brief.name = error.name
  if (error.stack !== undefined) brief.stack = error.stack
  return brief
}

function explain(error: unknown): readonly [string, string | undefined] {
  const { name, status } = s3ErrorFacts(error)
  const message = error instanceof Error ? error.message : String(error)
  if (name === 'CredentialsProviderError' || /could not load credentials/i.test(message)) {
    return [
      'no AWS credentials found',
      'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run with a role',
    ]
  }
  if (/region is missing/i.test(message)) return ['no AWS region found', 'set AWS_REGION']
  switch (name) {
    case 'NoSuchBucket':
      return ['the bucket does not exist', 'create it, or choose another --checkpoint-dir']
    case 'AccessDenied':
    case 'Forbidden':
      return ['access denied', 'allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket there']
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
    case 'ExpiredToken':
      return [
        `the AWS credentials were refused (${name})`,
        'check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN',
      ]
    case 'PermanentRedirect':
      return ['the bucket is in another region', "set AWS_REGION to the bucket's region"]
    case 'ENOTFOUND':
    case 'ECONNREFUSED':
      return [message, 'check AWS_ENDPOINT_URL and the network']
    default:
      return [`${message || name}${status === undefined ? '' : ` (HTTP ${status})`}`, undefined]
  }
}
