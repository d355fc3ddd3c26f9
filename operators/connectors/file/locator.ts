import type { Sink } from '../../../runtime/contract/sink.js'
import type { RawRecord, Source } from '../../../runtime/contract/source.js'
import type { Locator } from '../../api/locator.js'
import { bytesOption, choiceOption, refuseLocator, requireKnownOptions } from '../locator-options.js'
import { fileSink } from './file-sink.js'
import { fileSource, type FileSourceOptions } from './file-source.js'
import { jsonLines, plainLines, textLines } from './line-format.js'

/** How files are read unless their locator says it. */
export interface FileReading {
  /** What a record is: `?format=csv`. Default `lines`. */
  readonly format?: 'lines' | 'csv'
  /** Leave out blank lines: `?skipBlank=true`. Default false. */
  readonly skipBlank?: boolean
}

const SOURCE_OPTIONS = ['format', 'skipBlank', 'splitBytes', 'delimiter', 'header']
const SINK_OPTIONS = ['format', 'rollBytes']

/** One source of all the files: `file:PATH?format=lines|csv`, `skipBlank`, `splitBytes`, `delimiter`, `header`, the same for each. */
export function fileSourceFor(locators: readonly Locator[], defaults: FileReading): Source<RawRecord> {
  const [settings, ...others] = locators.map((locator) => fileSettings(locator, defaults))
  others.forEach((other, i) => {
    if (JSON.stringify(other) === JSON.stringify(settings)) return
    refuseLocator(
      locators[i + 1]!,
      `has other options than ${locators[0]!.text}`,
      'all files of one source are read in the same way',
    )
  })
  return fileSource({ ...settings, paths: locators.map((locator) => locator.path) })
}

/** `file:DIR?format=json|text`, `rollBytes`. Without a format, strings and bytes are written as they are and anything else as JSON. */
export function fileSinkFor<T = unknown>(locator: Locator): Sink<T> {
  requireKnownOptions(locator, SINK_OPTIONS)
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

function fileSettings(locator: Locator, defaults: FileReading): Omit<FileSourceOptions, 'paths'> {
  requireKnownOptions(locator, SOURCE_OPTIONS)
  if (locator.path === '') refuseLocator(locator, 'has no path', 'name a file, a folder or a glob: file:PATH')
  const format = choiceOption(locator, 'format', ['lines', 'csv']) ?? defaults.format ?? 'lines'
  const skipBlank = choiceOption(locator, 'skipBlank', ['true', 'false'])
  const splitBytes = bytesOption(locator, 'splitBytes')
  const header = choiceOption(locator, 'header', ['true', 'false'])
  const { delimiter } = locator.query
  if (format === 'csv' ? splitBytes !== undefined : header !== undefined || delimiter !== undefined) {
    const hint = format === 'csv' ? 'splitBytes is for lines' : 'header and delimiter are for format=csv'
    refuseLocator(locator, `has an option that format=${format} does not know`, hint)
  }
  return {
    format,
    skipBlank: skipBlank === undefined ? (defaults.skipBlank ?? false) : skipBlank === 'true',
    ...(splitBytes === undefined ? {} : { splitBytes }),
    ...(header === undefined ? {} : { header: header === 'true' }),
    ...(delimiter === undefined ? {} : { delimiter }),
  }
}
