import type { Sink } from '../../../runtime/contract/sink.js'
import type { Locator } from '../../api/locator.js'
import { AWS_OPTION_NAMES, awsOptions } from '../aws-locator-options.js'
import { booleanOption, recordIdOption, resourceOf } from '../batching/locator-parts.js'
import { requireKnownOptions } from '../locator-options.js'
import { firehoseSink } from './firehose-sink.js'

const OPTIONS = ['newline', 'recordIdField', ...AWS_OPTION_NAMES]

/**
 * The sink that `firehose://NAME-or-ARN` names; `newline=false`, `recordIdField=recordId`: see {@link firehoseSink}. MILLRACE_PARAM if it
 * cannot be read.
 */
export function firehoseSinkFor<T = unknown>(locator: Locator): Sink<T> {
  requireKnownOptions(locator, OPTIONS)
  return firehoseSink<T>({
    stream: resourceOf(locator, 'Firehose stream'),
    newline: booleanOption(locator, 'newline') ?? true,
    aws: awsOptions(locator),
    ...recordIdOption<T>(locator),
  })
}
