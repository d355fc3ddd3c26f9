import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'

/** The SDK's module, loaded on first use: jobs with a local folder never pay for it. */
export type S3Sdk = typeof import('@aws-sdk/client-s3')

/** A client with the module whose commands it takes. */
export interface S3Connection {
  readonly sdk: S3Sdk
  readonly client: S3Client
}

const CONNECT_TIMEOUT_MS = 5_000
const SILENCE_TIMEOUT_MS = 30_000

/**
 * A client from the environment: region (AWS_REGION, AWS_DEFAULT_REGION, else the shared config file), credentials (the SDK's chain)
 * and endpoint (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL). A custom endpoint gets path-style requests and no checksum extensions, which
 * several S3 look-alikes do not know; segments and manifests carry their own.
 */
export async function connectToS3(env: NodeJS.ProcessEnv): Promise<S3Connection> {
  // The SDK warns on standard error about Node 20 otherwise; it compares with "true".
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const sdk = await import('@aws-sdk/client-s3')
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']
  const endpoint = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL']
  const config: S3ClientConfig = {
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SILENCE_TIMEOUT_MS },
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined
      ? {}
      : {
          endpoint,
          forcePathStyle: true,
          requestChecksumCalculation: 'WHEN_REQUIRED' as const,
          responseChecksumValidation: 'WHEN_REQUIRED' as const,
        }),
  }
  return { sdk, client: new sdk.S3Client(config) }
}
