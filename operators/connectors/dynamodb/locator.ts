import type { Sink } from '../../../runtime/contract/sink.js'
import type { Locator } from '../../api/locator.js'
import { AWS_OPTION_NAMES, awsOptions } from '../aws-locator-options.js'
import { resourceOf } from '../batching/locator-parts.js'
import { choiceOption, refuseLocator, requireKnownOptions } from '../locator-options.js'
import { dynamoDbBatchSink } from './batch-sink.js'
import { dynamoDbUpsertSink } from './upsert-sink.js'

const MODES = ['batch', 'replace', 'merge'] as const

/**
 * The sink that `dynamodb://TABLE-or-ARN` names: records are objects, or JSON texts of them, with the table's key among their fields.
 * `mode=batch` (default) is {@link dynamoDbBatchSink}; `mode=replace` and `mode=merge` are {@link dynamoDbUpsertSink}, with
 * `version=updatedAt` if given. MILLRACE_PARAM if it cannot be read.
 */
export function dynamoDbSinkFor<T = unknown>(locator: Locator): Sink<T> {
  requireKnownOptions(locator, ['mode', 'version', ...AWS_OPTION_NAMES])
  const table = resourceOf(locator, 'table')
  const mode = choiceOption(locator, 'mode', MODES) ?? 'batch'
  const { version } = locator.query
  const options = { table, aws: awsOptions(locator) }
  if (mode !== 'batch')
    return dynamoDbUpsertSink<T>({ ...options, mode, ...(version === undefined ? {} : { version }) })
  if (version !== undefined)
    refuseLocator(locator, 'has a version', 'only mode=replace and mode=merge compare versions')
  return dynamoDbBatchSink<T>(options)
}
