import type { Sink } from '../../runtime/contract/sink.js'
import type { Locator } from '../api/locator.js'
import { consoleSink } from './console/console-sink.js'
import { fileSink } from './file/file-sink.js'
import { jsonLines, plainLines, textLines } from './file/line-format.js'
import { bytesOption, choiceOption, refuseLocator, requireKnownOptions } from './locator-options.js'
import { refuseScheme } from './stream-from.js'

const FILE_OPTIONS = ['format', 'rollBytes']

/**
 * The sink that a parameter names: `file:DIR` (exactly-once; `?format=json|text`, `rollBytes`), `console:` or `console:stderr`
 * (at-least-once). Without a format, strings and bytes are written as they are and anything else as JSON. Anything else is
 * MILLRACE_PARAM.
 */
export function sinkFor<T = unknown>(locator: Locator): Sink<T> {
  if (locator.scheme === 'file') return fileSinkFor(locator)
  if (locator.scheme === 'console') return consoleSinkFor(locator)
  refuseScheme(locator, ['file', 'console'])
}

function fileSinkFor<T>(locator: Locator): Sink<T> {
  requireKnownOptions(locator, FILE_OPTIONS)
  if (locator.path === '') refuseLocator(locator, 'has no path', 'name a folder: file:DIR')
  const format = choiceOption(locator, 'format', ['json', 'text'])
  const rollBytes = bytesOption(locator, 'rollBytes')
  return fileSink<T>({
    directory: locator.path,
    // A text format refuses at run time what is no text: the parameter is the user's, the type the job's.
    format: format === 'json' ? jsonLines() : format === 'text' ? textLines() : plainLines(),
    ...(rollBytes === undefined ? {} : { rollBytes }),
  })
}

function consoleSinkFor<T>(locator: Locator): Sink<T> {
  requireKnownOptions(locator, [])
  if (locator.path === '' || locator.path === 'stdout') return consoleSink<T>()
  if (locator.path === 'stderr') return consoleSink<T>({ to: 'stderr' })
  refuseLocator(locator, `has no stream ${locator.path}`, 'give console:, console:stdout or console:stderr')
}
