import { MillraceError } from '../../runtime/contract/errors.js'
import type { RawRecord, Source } from '../../runtime/contract/source.js'
import type { Locator } from '../api/locator.js'
import { fileSource, type FileSourceOptions } from './file/file-source.js'
import { bytesOption, choiceOption, refuseLocator, requireKnownOptions } from './locator-options.js'

/** Makes a stream out of what follows the name in `datagen:<name>?<options>`. Refuses options that it does not know. */
export type GeneratorFactory = (locator: Locator) => Source<RawRecord>

/** What the job adds to the locators of {@link streamFrom}. */
export interface StreamFromOptions {
  /** What a record of a file is, unless the locator says it (`?format=csv`). Default `lines`. */
  readonly format?: 'lines' | 'csv'
  /** Leave out blank lines of files, unless the locator says it (`?skipBlank=true`). Default false. */
  readonly skipBlank?: boolean
  /** The generated streams the job has, for `datagen:<name>`. */
  readonly generators?: Readonly<Record<string, GeneratorFactory>>
}

const SCHEMES = ['file', 'datagen']
const FILE_OPTIONS = ['format', 'skipBlank', 'splitBytes', 'delimiter', 'header']

/**
 * The source that a parameter names: `file:PATH` (several make one source; `?format=lines|csv`, `skipBlank`, `splitBytes`, `delimiter`,
 * `header`) or `datagen:NAME`, one of the job's generators. Anything else is MILLRACE_PARAM.
 */
export function streamFrom(locators: readonly Locator[], options: StreamFromOptions = {}): Source<RawRecord> {
  const first = locators[0]
  if (first === undefined) {
    throw new MillraceError('MILLRACE_PARAM', 'a source parameter is empty', { hint: 'name an input: file:PATH' })
  }
  for (const locator of locators) {
    if (!SCHEMES.includes(locator.scheme)) refuseScheme(locator, SCHEMES)
    if (locator.scheme !== first.scheme) {
      refuseLocator(
        locator,
        `cannot be read together with ${first.text}`,
        'one source reads files or a generator, not both',
      )
    }
  }
  return first.scheme === 'file' ? filesFrom(first, locators, options) : generatorFrom(first, locators, options)
}

/** MILLRACE_PARAM for a scheme that is not there. */
export function refuseScheme(locator: Locator, known: readonly string[]): never {
  refuseLocator(
    locator,
    `unknown scheme ${locator.scheme}:`,
    `known schemes: ${known.map((scheme) => `${scheme}:`).join(', ')}`,
  )
}

function filesFrom(first: Locator, locators: readonly Locator[], options: StreamFromOptions): Source<RawRecord> {
  const [settings, ...others] = locators.map((locator) => fileSettings(locator, options))
  others.forEach((other, i) => {
    if (JSON.stringify(other) === JSON.stringify(settings)) return
    refuseLocator(
      locators[i + 1]!,
      `has other options than ${first.text}`,
      'all files of one source are read in the same way',
    )
  })
  return fileSource({ ...settings, paths: locators.map((locator) => locator.path) })
}

function fileSettings(locator: Locator, options: StreamFromOptions): Omit<FileSourceOptions, 'paths'> {
  requireKnownOptions(locator, FILE_OPTIONS)
  if (locator.path === '') refuseLocator(locator, 'has no path', 'name a file, a folder or a glob: file:PATH')
  const format = choiceOption(locator, 'format', ['lines', 'csv']) ?? options.format ?? 'lines'
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
    skipBlank: skipBlank === undefined ? (options.skipBlank ?? false) : skipBlank === 'true',
    ...(splitBytes === undefined ? {} : { splitBytes }),
    ...(header === undefined ? {} : { header: header === 'true' }),
    ...(delimiter === undefined ? {} : { delimiter }),
  }
}

function generatorFrom(first: Locator, locators: readonly Locator[], options: StreamFromOptions): Source<RawRecord> {
  if (locators.length > 1) refuseLocator(locators[1]!, 'is a second generator', 'one source reads one generator')
  const generators = options.generators ?? {}
  if (Object.hasOwn(generators, first.path)) return generators[first.path]!(first)
  const names = Object.keys(generators).map((name) => `datagen:${name}`)
  const hint =
    names.length === 0
      ? 'this job has no generators: name an input with file:PATH'
      : `this job has: ${names.join(', ')}`
  refuseLocator(first, 'the job has no generator of that name', hint)
}
