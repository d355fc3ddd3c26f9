import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import type { BatchingTuning } from '../batching/batching-options.js'
import type { PayloadOptions } from '../batching/payload.js'

/** Where and how {@link firehoseSink} writes. */
export interface FirehoseSinkOptions<T> extends PayloadOptions<T>, BatchingTuning {
  /** The Firehose stream's name or ARN. It must take direct puts. */
  readonly stream: string
  /** How the service is reached; an ARN says the region. */
  readonly aws?: AwsOptions
  /**
   * A line feed behind each payload that does not end in one: Firehose puts nothing between records in its files. Default true; give
   * false where payloads are no text, or the stream adds delimiters itself.
   */
  readonly newline?: boolean
  /** For jitter, in [0, 1). Default: Math.random. */
  readonly random?: () => number
}
