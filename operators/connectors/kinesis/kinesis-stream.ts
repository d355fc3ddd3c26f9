import type { KinesisClient, KinesisClientConfig } from '@aws-sdk/client-kinesis'
import type { HttpHandlerUserInput } from '@smithy/core/protocols'
import { parseArn } from '../../../runtime/aws/arn.js'
import { awsFailure } from '../../../runtime/aws/aws-errors.js'
import { type AwsOptions, clientSettings } from '../../../runtime/aws/client-settings.js'
import { type ErrorCode, MillraceError } from '../../../runtime/contract/errors.js'
import { type Patience, persistently } from './persistently.js'

type Sdk = typeof import('@aws-sdk/client-kinesis')

/** A client, and the SDK's module with the commands. */
export interface KinesisAccess {
  readonly sdk: Sdk
  readonly client: KinesisClient
  readonly region: string
}

/** What DescribeStreamSummary says of a stream. */
export interface StreamFacts {
  readonly name: string
  readonly arn: string
  readonly status: string
  readonly retentionHours: number
  /** Epoch milliseconds; undefined if the service does not say. */
  readonly createdAtMs: number | undefined
}

const CONNECT_TIMEOUT_MS = 5_000
const ANSWER_TIMEOUT_MS = 30_000
const MAX_CONNECTIONS = 256

const nothing = (): void => undefined
/** Without `info`, for which each answer is copied first, also by the SDK's own that does nothing: a third of what GetRecords costs. */
const QUIET = {
  debug: nothing,
  trace: nothing,
  warn: nothing,
  error: nothing,
} as unknown as Required<KinesisClientConfig>['logger']

/** HTTP/1.1: the SDK's own choice for Kinesis is HTTP/2, over which servers other than Amazon's break. */
async function plainHandler(): Promise<HttpHandlerUserInput> {
  const { NodeHttpHandler } = await import('@smithy/node-http-handler')
  const agent = { keepAlive: true, maxSockets: MAX_CONNECTIONS }
  return new NodeHttpHandler({
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: ANSWER_TIMEOUT_MS,
    throwOnRequestTimeout: true,
    httpAgent: agent,
    httpsAgent: agent,
  })
}

/**
 * A stream by name or ARN, and the way to it. The SDK is loaded and the client made at first use. A request is sent once: callers retry by their
 * context's clock, and so keep to the service's limits. Any thread.
 */
export class KinesisStream {
  /** Without the rest of the ARN. */
  readonly name: string
  /** For messages: `Kinesis stream "turbines"`. */
  readonly resource: string
  /** What requests name it by. */
  readonly target: { readonly StreamName: string } | { readonly StreamARN: string }
  /** How the service is reached; the region of an ARN goes before that of the environment. */
  readonly aws: AwsOptions
  private readonly code: ErrorCode
  private opened: Promise<KinesisAccess> | undefined
  private region = '(unknown)'
  private closed = false

  constructor(nameOrArn: string, aws: AwsOptions, code: ErrorCode = 'MILLRACE_INPUT') {
    const arn = parseArn(nameOrArn)
    const name = arn === undefined ? nameOrArn : arn.resource.replace(/^stream\//, '')
    this.name = name
    this.resource = `Kinesis stream "${name}"`
    this.target = arn === undefined ? { StreamName: name } : { StreamARN: nameOrArn }
    this.aws = arn === undefined ? aws : { region: arn.region, ...aws }
    this.code = code
  }

  /** The client and the SDK. MILLRACE_USAGE if no region is known. */
  access(): Promise<KinesisAccess> {
    if (this.closed) return Promise.reject(new Error(`${this.resource} is closed`))
    return (this.opened ??= this.open())
  }

  /** The stream as it is now. Rejects with the SDK's error: see {@link KinesisStream.failure}. */
  async describe(): Promise<StreamFacts> {
    const { sdk, client } = await this.access()
    const { StreamDescriptionSummary: summary } = await client.send(new sdk.DescribeStreamSummaryCommand(this.target))
    return {
      name: summary?.StreamName ?? '',
      arn: summary?.StreamARN ?? '',
      status: summary?.StreamStatus ?? 'UNKNOWN',
      retentionHours: summary?.RetentionPeriodHours ?? 24,
      createdAtMs: summary?.StreamCreationTimestamp?.getTime(),
    }
  }

  /** Rejects with one clear error unless the stream exists and can be used. */
  async requireActive(patience: Patience): Promise<void> {
    let facts: StreamFacts
    try {
      facts = await persistently(() => this.describe(), patience)
    } catch (error) {
      throw this.failure(error, 'kinesis:DescribeStreamSummary')
    }
    // While shards are split and merged it is UPDATING.
    if (facts.status === 'ACTIVE' || facts.status === 'UPDATING') return
    throw new MillraceError(this.code, `${this.resource} is ${facts.status}, not ACTIVE`, {
      hint: facts.status === 'CREATING' ? 'wait until it is there' : `look at it in region ${this.region}`,
    })
  }

  /** One clear error that names the stream, the region and the permission that the request needs (`kinesis:GetRecords`). */
  failure(error: unknown, permission: string): MillraceError {
    return awsFailure(error, { code: this.code, resource: this.resource, region: this.region, permission })
  }

  /** Closes the client's connections, if there is one, for good. Those of a handler that the user gave are the user's. */
  async close(): Promise<void> {
    this.closed = true
    // Whoever asked for a client that could not be made has heard of it.
    const access = await this.opened?.catch(() => undefined)
    if (this.aws.requestHandler === undefined) access?.client.destroy()
  }

  private async open(): Promise<KinesisAccess> {
    const settings = await clientSettings(this.aws)
    this.region = settings.region
    const [sdk, requestHandler] = await Promise.all([
      import('@aws-sdk/client-kinesis'),
      this.aws.requestHandler ?? plainHandler(),
    ])
    return {
      sdk,
      client: new sdk.KinesisClient({ ...settings, requestHandler, maxAttempts: 1, logger: QUIET }),
      region: settings.region,
    }
  }
}
