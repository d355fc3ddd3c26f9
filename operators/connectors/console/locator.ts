import type { Sink } from '../../../runtime/contract/sink.js'
import type { Locator } from '../../api/locator.js'
import { refuseLocator, requireKnownOptions } from '../locator-options.js'
import { consoleSink } from './console-sink.js'

/** `console:`, `console:stdout` or `console:stderr`. MILLRACE_PARAM for anything else. */
export function consoleSinkFor<T = unknown>(locator: Locator): Sink<T> {
  requireKnownOptions(locator, [])
  if (locator.path === '' || locator.path === 'stdout') return consoleSink<T>()
  if (locator.path === 'stderr') return consoleSink<T>({ to: 'stderr' })
  refuseLocator(locator, `has no stream ${locator.path}`, 'give console:, console:stdout or console:stderr')
}
