import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { type AwsOptions, clientSettings } from './client-settings.js'

/** The SDK's module, loaded on first use: what does not touch S3 never pays for it. */
export type S3Sdk = typeof import('@aws-sdk/client-s3')

/** A client with the module whose commands it takes. */
export interface S3Connection {
  readonly sdk: S3Sdk
  readonly client: S3Client
  readonly region: string
}

const CONNECT_TIMEOUT_MS = 5_000
const SILENCE_TIMEOUT_MS = 30_000

/**
 * A client for S3 or for what speaks its protocol. A custom endpoint gets path-style requests. No checksum extensions: several S3
 * look-alikes do not know them, and with them S3 wants the parts of an upload numbered without gaps; every body is signed by its
 * SHA-256 or goes through TLS. `maxAttempts` is that of one request, by the SDK, with jittered backoff. MILLRACE_USAGE without a region.
 */
export async function connectToS3(options: AwsOptions = {}, maxAttempts?: number): Promise<S3Connection> {
  const settings = await clientSettings(options)
  const sdk = await import('@aws-sdk/client-s3')
  const custom = options.endpoint ?? process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']
  const config: S3ClientConfig = {
    ...settings,
    // Silence, not duration: an upload of many megabytes may take its time.
    requestHandler: options.requestHandler ?? {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_TIMEOUT_MS,
    },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(custom === undefined || custom === '' ? {} : { forcePathStyle: true }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
  }
  return { sdk, client: new sdk.S3Client(config), region: settings.region }
}
