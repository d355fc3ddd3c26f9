import type { Sink } from '../../../runtime/contract/sink.js'
import type { Locator } from '../../api/locator.js'
import { AWS_OPTION_NAMES, awsOptions } from '../aws-locator-options.js'
import { fieldReader, recordIdOption, resourceOf } from '../batching/locator-parts.js'
import { refuseLocator, requireKnownOptions } from '../locator-options.js'
import { eventBridgeSink } from './eventbridge-sink.js'

const OPTIONS = ['source', 'detailType', 'detailTypeField', 'recordIdField', ...AWS_OPTION_NAMES]

/**
 * The sink that `eventbridge://BUS?source=com.example&detailType=TurbineStopped` names; `detailTypeField=kind` takes the type from each
 * record. `recordIdField`: see {@link eventBridgeSink}. MILLRACE_PARAM if it cannot be read.
 */
export function eventBridgeSinkFor<T = unknown>(locator: Locator): Sink<T> {
  requireKnownOptions(locator, OPTIONS)
  const bus = resourceOf(locator, 'bus')
  const { source, detailType, detailTypeField } = locator.query
  if (source === undefined || source === '') refuseLocator(locator, 'has no source', 'add source=com.example.turbines')
  if ((detailType === undefined) === (detailTypeField === undefined)) {
    refuseLocator(locator, 'has no detail type, or two', 'add detailType=... or detailTypeField=...')
  }
  return eventBridgeSink<T>({
    bus,
    source,
    detailType: detailTypeField === undefined ? detailType! : fieldReader(detailTypeField),
    aws: awsOptions(locator),
    ...recordIdOption<T>(locator),
  })
}
