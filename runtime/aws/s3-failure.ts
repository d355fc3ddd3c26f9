import { type ErrorCode, MillraceError } from '../contract/errors.js'
import { awsErrorFacts, awsFailure } from './aws-errors.js'

/** What a request to S3 was about. */
export interface S3Request {
  /** MILLRACE_INPUT, MILLRACE_OUTPUT, MILLRACE_STORAGE. */
  readonly code: ErrorCode
  /** `cannot write s3://bucket/key`. */
  readonly action: string
  readonly bucket: string
  readonly region: string
  /** What the role must allow: `s3:PutObject`. */
  readonly permission: string
}

/** Whether it is the object, not the bucket, that does not exist. HEAD has no body, so no name but the status. */
export function isMissingObject(error: unknown): boolean {
  const { name, httpStatus } = awsErrorFacts(error)
  if (name === 'NoSuchBucket' || name === 'NoSuchUpload') return false
  return name === 'NoSuchKey' || name === 'NotFound' || httpStatus === 404
}

/** Whether the multipart upload was completed, aborted or never begun. */
export function isMissingUpload(error: unknown): boolean {
  return awsErrorFacts(error).name === 'NoSuchUpload'
}

/** One clear error: it names the bucket where that is the matter, else the action on the object. */
export function s3Failure(error: unknown, request: S3Request): MillraceError {
  if (error instanceof MillraceError) return error
  const { code, bucket, region, permission, action } = request
  const { name, httpStatus } = awsErrorFacts(error)
  const own = bucketRegion(error)
  const elsewhere = own !== undefined && own !== region
  if (elsewhere || httpStatus === 301 || name === 'PermanentRedirect' || name === 'AuthorizationHeaderMalformed') {
    return new MillraceError(code, `S3 bucket "${bucket}": is not in region ${region} (${action})`, {
      hint: elsewhere ? `it is in ${own}: give that region` : 'give its own region',
    })
  }
  const about = name === 'NoSuchBucket' ? `S3 bucket "${bucket}" (${action})` : action
  return awsFailure(error, { code, resource: about, region, permission })
}

/** S3 says it with every answer to the wrong region. */
function bucketRegion(error: unknown): string | undefined {
  const { $response, Region } = (error ?? {}) as {
    $response?: { headers?: Readonly<Record<string, string>> }
    Region?: unknown
  }
  const { httpStatus } = awsErrorFacts(error)
  if (httpStatus !== 301 && httpStatus !== 307 && httpStatus !== 400) return undefined
  return $response?.headers?.['x-amz-bucket-region'] ?? (typeof Region === 'string' ? Region : undefined)
}
