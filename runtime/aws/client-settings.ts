import type { HttpHandlerUserInput } from '@smithy/core/protocols'
import { MillraceError } from '../contract/errors.js'

/** How to reach an AWS service; what is not given comes from the environment and the shared config file, as in every AWS tool. */
export interface AwsOptions {
  /** Default: AWS_REGION, AWS_DEFAULT_REGION, else that of the profile. */
  readonly region?: string
  /** Default: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, else the service's own. */
  readonly endpoint?: string
  /** A role to assume, of another account perhaps. */
  readonly roleArn?: string
  readonly externalId?: string
  /** Default `millrace`. */
  readonly roleSessionName?: string
  /** Takes the place of the SDK's own HTTP handler: for proxies, other time-outs, HTTP/2. */
  readonly requestHandler?: HttpHandlerUserInput
}

/** The part of every client's configuration that is the same for all services. */
export interface ClientSettings {
  readonly region: string
  readonly endpoint?: string
  readonly credentials?: AwsCredentialProvider
  readonly requestHandler: HttpHandlerUserInput
  readonly maxAttempts: number
}

type AwsCredentialProvider = ReturnType<(typeof import('@aws-sdk/credential-providers'))['fromTemporaryCredentials']>

const CONNECT_TIMEOUT_MS = 5_000
const SILENCE_TIMEOUT_MS = 30_000
/** Of one request, by the SDK, with jittered backoff; connectors retry on top of it what must not fail. */
const MAX_ATTEMPTS = 5

/**
 * Settings for a client of any service. MILLRACE_USAGE if no region is known. Any thread; reads the environment, and the shared config
 * file if it must.
 */
export async function clientSettings(options: AwsOptions = {}): Promise<ClientSettings> {
  // The SDK warns on standard error about Node 20 otherwise; it compares with "true".
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const region = options.region ?? (await regionOf(process.env))
  const { endpoint, requestHandler, roleArn } = options
  return {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(roleArn === undefined ? {} : { credentials: await assumed(roleArn, region, options) }),
    requestHandler: requestHandler ?? {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: SILENCE_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
    maxAttempts: MAX_ATTEMPTS,
  }
}

async function assumed(roleArn: string, region: string, options: AwsOptions): Promise<AwsCredentialProvider> {
  const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
  const { externalId, roleSessionName = 'millrace' } = options
  return fromTemporaryCredentials({
    params: {
      RoleArn: roleArn,
      RoleSessionName: roleSessionName,
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
    },
    clientConfig: { region },
  })
}

async function regionOf(env: NodeJS.ProcessEnv): Promise<string> {
  const given = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']
  if (given !== undefined && given !== '') return given
  const { loadConfig, NODE_REGION_CONFIG_OPTIONS } = await import('@smithy/core/config')
  try {
    const found = await loadConfig(NODE_REGION_CONFIG_OPTIONS)()
    // An empty variable is how a shell unsets one.
    if (found !== '') return found
  } catch {
    // Nothing says which.
  }
  throw new MillraceError('MILLRACE_USAGE', 'no AWS region is set', {
    hint: 'set AWS_REGION, give region=... in the locator, or name a profile that has one with AWS_PROFILE',
  })
}
