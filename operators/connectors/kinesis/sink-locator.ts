import type { Sink } from '../../../runtime/contract/sink.js'
import type { Locator } from '../../api/locator.js'
import { AWS_OPTION_NAMES, awsOptions } from '../aws-locator-options.js'
import { booleanOption, fieldReader, recordIdOption, resourceOf } from '../batching/locator-parts.js'
import { refuseLocator, requireKnownOptions } from '../locator-options.js'
import { kinesisSink } from './kinesis-sink.js'

const OPTIONS = ['partitionKey', 'partitionKeyField', 'ordered', 'aggregate', 'recordIdField', ...AWS_OPTION_NAMES]

/**
 * The sink that `kinesis://NAME-or-ARN` names. `partitionKeyField=turbineId` takes the key from each record, `partitionKey=all` is one
 * key for all; without either a hash of the payload is the key. `ordered=true`, `aggregate=true`, `recordIdField=recordId`: see
 * {@link kinesisSink}. MILLRACE_PARAM if it cannot be read.
 */
export function kinesisSinkFor<T = unknown>(locator: Locator): Sink<T> {
  requireKnownOptions(locator, OPTIONS)
  const { partitionKey, partitionKeyField } = locator.query
  if (partitionKey !== undefined && partitionKeyField !== undefined) {
    refuseLocator(locator, 'has partitionKey and partitionKeyField', 'give one of them')
  }
  const key = partitionKeyField === undefined ? partitionKey : fieldReader(partitionKeyField)
  return kinesisSink<T>({
    stream: resourceOf(locator, 'stream'),
    aws: awsOptions(locator),
    ordered: booleanOption(locator, 'ordered') ?? false,
    aggregate: booleanOption(locator, 'aggregate') ?? false,
    ...(key === undefined ? {} : { partitionKey: key }),
    ...recordIdOption<T>(locator),
  })
}
