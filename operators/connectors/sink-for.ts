import type { Sink } from '../../runtime/contract/sink.js'
import type { Locator } from '../api/locator.js'
import { consoleSinkFor } from './console/locator.js'
import { dynamoDbSinkFor } from './dynamodb/locator.js'
import { eventBridgeSinkFor } from './eventbridge/locator.js'
import { fileSinkFor } from './file/locator.js'
import { firehoseSinkFor } from './firehose/locator.js'
import { kinesisSinkFor } from './kinesis/sink-locator.js'
import { refuseScheme } from './locator-options.js'
import { s3SinkFor } from './s3/locator.js'
import { snsSinkFor } from './sns/locator.js'

type SinkFactory = <T>(locator: Locator) => Sink<T>

const SINKS: ReadonlyMap<string, SinkFactory> = new Map<string, SinkFactory>([
  ['file', fileSinkFor],
  ['console', consoleSinkFor],
  ['kinesis', kinesisSinkFor],
  ['s3', s3SinkFor],
  ['dynamodb', dynamoDbSinkFor],
  ['sns', snsSinkFor],
  ['eventbridge', eventBridgeSinkFor],
  ['firehose', firehoseSinkFor],
])

/**
 * The sink that a parameter names: `file:DIR`, `console:`, `kinesis://STREAM`, `s3://BUCKET/PREFIX`, `dynamodb://TABLE`, `sns://ARN`,
 * `eventbridge://BUS` or `firehose://STREAM`, each with its options behind a `?`. What it promises is the sink's own. MILLRACE_PARAM for
 * another scheme or an option that it does not know. No SDK is loaded before the job runs.
 */
export function sinkFor<T = unknown>(locator: Locator): Sink<T> {
  const factory = SINKS.get(locator.scheme) ?? refuseScheme(locator, [...SINKS.keys()])
  return factory<T>(locator)
}
