import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import type { BatchingTuning } from '../batching/batching-options.js'
import type { PayloadOptions } from '../batching/payload.js'

/** What a message attribute may hold; an array becomes a `String.Array`. */
export type SnsAttribute = string | number | bigint | Uint8Array | readonly (string | number | boolean | null)[]

/** Where and how {@link snsSink} publishes. */
export interface SnsSinkOptions<T> extends PayloadOptions<T>, BatchingTuning {
  /** The topic's ARN. */
  readonly topic: string
  /** How the service is reached; the region is the topic's. */
  readonly aws?: AwsOptions
  /** Of e-mails: at most 100 characters. */
  readonly subject?: string | ((value: T, timestamp: number) => string | undefined)
  /** Message attributes, by which subscriptions filter. */
  readonly attributes?: (value: T, timestamp: number) => Readonly<Record<string, SnsAttribute>>
  /** FIFO topics need it: messages of a group are delivered in the order a subtask wrote them. */
  readonly messageGroupId?: string | ((value: T, timestamp: number) => string)
  /**
   * FIFO topics: the topic drops a message whose id it has seen in the last five minutes. Default: an id of the job, the sink's uid, the
   * record's time and its payload, so that what is sent again after a quick restart is dropped.
   */
  readonly deduplicationId?: (value: T, timestamp: number) => string
  /** For jitter, in [0, 1). Default: Math.random. */
  readonly random?: () => number
}
