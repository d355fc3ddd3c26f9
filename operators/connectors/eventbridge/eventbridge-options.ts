import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import type { BatchingTuning } from '../batching/batching-options.js'
import type { PayloadOptions } from '../batching/payload.js'

/** Where and how {@link eventBridgeSink} writes. A record's payload is the event's detail: a JSON object. */
export interface EventBridgeSinkOptions<T> extends PayloadOptions<T>, BatchingTuning {
  /** The bus by name or ARN. Default: `default`. */
  readonly bus?: string
  /** How the service is reached; an ARN says the region. */
  readonly aws?: AwsOptions
  /** Who the event is from, by which rules match: `com.example.turbines`. */
  readonly source: string | ((value: T, timestamp: number) => string)
  /** What has happened: `TurbineStopped`. */
  readonly detailType: string | ((value: T, timestamp: number) => string)
  /** ARNs of what the event concerns. */
  readonly resources?: (value: T, timestamp: number) => readonly string[]
  /**
   * The event's time, epoch milliseconds. Default: the record's event time, in whole seconds as the service keeps it; a record without
   * one gets the time at which the service takes it.
   */
  readonly time?: (value: T, timestamp: number) => number | undefined
  /** For jitter, in [0, 1). Default: Math.random. */
  readonly random?: () => number
}
