import { MillraceError } from '../../runtime/contract/errors.js'
import type { RawRecord, Source } from '../../runtime/contract/source.js'
import type { Locator } from '../api/locator.js'
import { generatorFor, type GeneratorFactory } from './datagen/locator.js'
import { fileSourceFor, type FileReading } from './file/locator.js'
import { kinesisSourceFor } from './kinesis/source-locator.js'
import { refuseLocator, refuseScheme } from './locator-options.js'

/** What the job adds to the locators of {@link streamFrom}. */
export interface StreamFromOptions extends FileReading {
  /** The generated streams the job has, for `datagen:<name>`. */
  readonly generators?: Readonly<Record<string, GeneratorFactory>>
}

const SCHEMES = ['file', 'datagen', 'kinesis']

/**
 * The source that a parameter names: `file:PATH` (several make one source), `kinesis://STREAM`, or `datagen:NAME`, one of the job's
 * generators, each with its options behind a `?`. Anything else is MILLRACE_PARAM. No SDK is loaded before the job runs.
 */
export function streamFrom(locators: readonly Locator[], options: StreamFromOptions = {}): Source<RawRecord> {
  const first = locators[0]
  if (first === undefined) {
    throw new MillraceError('MILLRACE_PARAM', 'a source parameter is empty', { hint: 'name an input: file:PATH' })
  }
  for (const locator of locators) {
    if (!SCHEMES.includes(locator.scheme)) refuseScheme(locator, SCHEMES)
    if (locator.scheme === first.scheme) continue
    refuseLocator(locator, `cannot be read together with ${first.text}`, 'one source reads one kind of input')
  }
  if (first.scheme === 'file') return fileSourceFor(locators, options)
  if (first.scheme === 'datagen') return generatorFor(locators, options.generators ?? {})
  if (locators.length > 1) {
    refuseLocator(locators[1]!, 'is a second stream', 'one source reads one stream: make two sources and unite them')
  }
  return kinesisSourceFor(first)
}
