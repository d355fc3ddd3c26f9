import type { Sink } from '../../../runtime/contract/sink.js'
import { parseArn } from '../../../runtime/aws/arn.js'
import type { Locator } from '../../api/locator.js'
import { AWS_OPTION_NAMES, awsOptions } from '../aws-locator-options.js'
import { fieldReader, recordIdOption, resourceOf } from '../batching/locator-parts.js'
import { refuseLocator, requireKnownOptions } from '../locator-options.js'
import { isFifo } from './sns-entry.js'
import { snsSink } from './sns-sink.js'

const OPTIONS = ['subject', 'messageGroupId', 'messageGroupIdField', 'recordIdField', ...AWS_OPTION_NAMES]

/**
 * The sink that `sns://ARN` names. `messageGroupIdField=turbineId` takes a FIFO topic's group from each record, `messageGroupId=all` is
 * one group for all; `subject`, `recordIdField`: see {@link snsSink}. MILLRACE_PARAM if it cannot be read.
 */
export function snsSinkFor<T = unknown>(locator: Locator): Sink<T> {
  requireKnownOptions(locator, OPTIONS)
  const topic = resourceOf(locator, 'topic')
  if (parseArn(topic)?.service !== 'sns') {
    refuseLocator(locator, 'names no topic by its ARN', 'write sns://arn:aws:sns:REGION:ACCOUNT:NAME')
  }
  const { subject, messageGroupId, messageGroupIdField } = locator.query
  if (messageGroupId !== undefined && messageGroupIdField !== undefined) {
    refuseLocator(locator, 'has messageGroupId and messageGroupIdField', 'give one of them')
  }
  const group = messageGroupIdField === undefined ? messageGroupId : fieldReader(messageGroupIdField)
  if (isFifo(topic) && group === undefined) {
    refuseLocator(locator, 'has no message group', 'add messageGroupId=... or messageGroupIdField=...')
  }
  return snsSink<T>({
    topic,
    aws: awsOptions(locator),
    ...(subject === undefined ? {} : { subject }),
    ...(group === undefined ? {} : { messageGroupId: group }),
    ...recordIdOption<T>(locator),
  })
}
