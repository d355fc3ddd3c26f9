import type { HttpHandlerUserInput } from '@smithy/core/protocols'
import { MillraceError } from '../contract/errors.js'
import { awsFailure, isTransient } from './aws-errors.js'

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
 * Settings for a client of any service. MILLRACE_USAGE if no region is known, or an endpoint is no URL. Any thread; reads the environment, and the shared config
 * file if it must.
 */
export async function clientSettings(options: AwsOptions = {}): Promise<ClientSettings> {
  // The SDK warns on standard error about Node 20 otherwise; it compares with "true".
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  requireUrls(options, process.env)
  const region = options.region ?? (await regionOf(process.env))
  if (!/^[a-z0-9-]+$/.test(region)) {
    throw new MillraceError('MILLRACE_USAGE', `${JSON.stringify(region)} is not the name of an AWS region`, {
      hint: 'give one such as eu-west-1',
    })
  }
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
  const provider = fromTemporaryCredentials({
    params: {
      RoleArn: roleArn,
      RoleSessionName: roleSessionName,
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
    },
    clientConfig: { region },
  })
  return async (identity) => {
    try {
      return await provider(identity)
    } catch (error) {
      if (isTransient(error)) throw error
      const about = {
        code: 'MILLRACE_USAGE' as const,
        resource: `role ${roleArn}`,
        region,
        permission: 'sts:AssumeRole',
      }
      throw awsFailure(error, about)
    }
  }
}

/** The SDK would say "Invalid URL", and not which. */
function requireUrls({ endpoint }: AwsOptions, env: NodeJS.ProcessEnv): void {
  const given = Object.entries(env).filter(([name]) => name.startsWith('AWS_ENDPOINT_URL'))
  for (const [name, url] of [['endpoint', endpoint] as const, ...given]) {
    if (url === undefined || url === '' || /^https?:\/\/[^/]/.test(url)) continue
    throw new MillraceError('MILLRACE_USAGE', `${name} is not a URL: ${JSON.stringify(url)}`, {
      hint: 'give one such as http://127.0.0.1:4566',
    })
  }
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
