import { MillraceError, type ErrorCode } from '../contract/errors.js'

/** What a request was about, for the one line that says what is wrong. */
export interface AwsResource {
  /** MILLRACE_INPUT, MILLRACE_OUTPUT, MILLRACE_STORAGE... */
  readonly code: ErrorCode
  /** `Kinesis stream "turbines"`. */
  readonly resource: string
  readonly region: string
  /** What the role must allow: `kinesis:GetRecords`. */
  readonly permission?: string
}

/** The parts of an SDK or system error that say what it is. Errors are matched by name, never by message. */
export interface AwsErrorFacts {
  readonly name: string
  readonly message: string
  /** Of the system: ECONNREFUSED... */
  readonly systemCode: string | undefined
  readonly httpStatus: number | undefined
}

const MISSING = [
  'ResourceNotFoundException',
  'NotFoundException',
  'NoSuchBucket',
  'NotFound',
  'TableNotFoundException',
  'SecretNotFoundException',
]
const DENIED = [
  'AccessDenied',
  'AccessDeniedException',
  'AuthorizationError',
  'AuthorizationErrorException',
  'Forbidden',
]
const BAD_CREDENTIALS = [
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'MissingAuthenticationTokenException',
  'NotAuthorized',
]
const EXPIRED_CREDENTIALS = ['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired']
const SKEWED = ['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture']
const OTHER_REGION = ['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException']
const THROTTLED = [
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'LimitExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'SlowDown',
  'TooManyRequestsException',
  'KMSThrottlingException',
  'BandwidthLimitExceeded',
  'ServiceUnavailableException',
]
const UNREACHABLE = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'CERT_HAS_EXPIRED']
const BROKEN = [
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'ERR_HTTP2_STREAM_ERROR',
  'ERR_STREAM_PREMATURE_CLOSE',
]
const TIMED_OUT = ['TimeoutError', 'RequestTimeout', 'RequestTimeoutException', 'AbortError']

/** The facts of any error. */
export function awsErrorFacts(error: unknown): AwsErrorFacts {
  const given = (error ?? {}) as {
    name?: unknown
    message?: unknown
    code?: unknown
    $metadata?: { httpStatusCode?: number }
    cause?: { code?: unknown }
    errors?: readonly { code?: unknown }[]
  }
  const code = [given.code, given.cause?.code, given.errors?.[0]?.code].find((one) => typeof one === 'string')
  return {
    name: typeof given.name === 'string' ? given.name : 'Error',
    message: typeof given.message === 'string' ? given.message : String(error),
    systemCode: code,
    httpStatus: given.$metadata?.httpStatusCode,
  }
}

/** The service asks to slow down. */
export function isThrottled(error: unknown): boolean {
  const { name, httpStatus } = awsErrorFacts(error)
  return THROTTLED.includes(name) || httpStatus === 429
}

/** What may succeed when it is asked again: throttling, 5xx, time-outs, broken connections, skewed clocks. */
export function isTransient(error: unknown): boolean {
  const { name, systemCode, httpStatus } = awsErrorFacts(error)
  if (isThrottled(error) || TIMED_OUT.includes(name) || SKEWED.includes(name)) return true
  if (systemCode !== undefined && [...UNREACHABLE, ...BROKEN].includes(systemCode)) return true
  // Refused for its time; the SDK has taken over the service's clock from the answer.
  if ((error as { $metadata?: { clockSkewCorrected?: boolean } })?.$metadata?.clockSkewCorrected === true) return true
  return httpStatus !== undefined && httpStatus >= 500
}

/** One clear error for what a service refused: names the resource and says what to do. Never repeats signatures or keys. */
export function awsFailure(error: unknown, about: AwsResource): MillraceError {
  if (error instanceof MillraceError) return error
  const facts = awsErrorFacts(error)
  const { what, hint } = explain(facts, about)
  return new MillraceError(about.code, `${about.resource}: ${what}`, { hint, cause: withoutDetails(facts) })
}

function explain(facts: AwsErrorFacts, about: AwsResource): { readonly what: string; readonly hint: string } {
  const { name, message, systemCode, httpStatus } = facts
  const { region, permission } = about
  if (MISSING.includes(name) || (name === 'UnknownError' && httpStatus === 404)) {
    return {
      what: `does not exist in region ${region}`,
      hint: 'create it, or look at its name, the region and the endpoint',
    }
  }
  if (DENIED.includes(name) || httpStatus === 403) {
    if (BAD_CREDENTIALS.includes(name)) return badCredentials(name)
    if (EXPIRED_CREDENTIALS.includes(name)) return expired(name)
    if (!SKEWED.includes(name)) {
      const allow = permission === undefined ? 'what the connector needs' : permission
      return { what: `access denied (${name})`, hint: `the credentials' role must allow ${allow} on it` }
    }
  }
  if (name === 'CredentialsProviderError') {
    return {
      what: 'no AWS credentials found',
      hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role is attached',
    }
  }
  if (BAD_CREDENTIALS.includes(name)) return badCredentials(name)
  if (EXPIRED_CREDENTIALS.includes(name)) return expired(name)
  if (SKEWED.includes(name)) {
    return { what: `the service refuses this machine's clock (${name})`, hint: 'set the clock: it may be minutes off' }
  }
  if (OTHER_REGION.includes(name) || httpStatus === 301) {
    return { what: `is not in region ${region} (${name})`, hint: 'give its own region' }
  }
  if (systemCode !== undefined && UNREACHABLE.includes(systemCode)) {
    return {
      what: `the service cannot be reached (${systemCode})`,
      hint: 'look at the network, the region and AWS_ENDPOINT_URL',
    }
  }
  if (TIMED_OUT.includes(name) || (systemCode !== undefined && BROKEN.includes(systemCode))) {
    return { what: `the service does not answer (${systemCode ?? name})`, hint: 'look at the network and the endpoint' }
  }
  return { what: `${name}: ${message}`, hint: 'the service refused the request for the reason it gives' }
}

function badCredentials(name: string): { readonly what: string; readonly hint: string } {
  return {
    what: `the service does not accept the credentials (${name})`,
    hint: 'look at the access key and its secret',
  }
}

function expired(name: string): { readonly what: string; readonly hint: string } {
  return { what: `the credentials have expired (${name})`, hint: 'refresh the session or the role' }
}

/** An SDK error drags the whole request and response along. */
function withoutDetails(facts: AwsErrorFacts): Error {
  const error = new Error(facts.systemCode ?? facts.name)
  error.name = facts.name
  delete error.stack
  return error
}
