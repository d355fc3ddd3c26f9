import type { RawRecord, Source } from '../../../runtime/contract/source.js'
import type { Locator } from '../../api/locator.js'
import { refuseLocator } from '../locator-options.js'

/** Makes a stream out of what follows the name in `datagen:<name>?<options>`. Refuses options that it does not know. */
export type GeneratorFactory = (locator: Locator) => Source<RawRecord>

/** `datagen:NAME`: one of the job's own generators. MILLRACE_PARAM for a name it does not have, and for two at once. */
export function generatorFor(
  locators: readonly Locator[],
  generators: Readonly<Record<string, GeneratorFactory>>,
): Source<RawRecord> {
  const first = locators[0]!
  if (locators.length > 1) refuseLocator(locators[1]!, 'is a second generator', 'one source reads one generator')
  if (Object.hasOwn(generators, first.path)) return generators[first.path]!(first)
  const names = Object.keys(generators).map((name) => `datagen:${name}`)
  const hint =
    names.length === 0
      ? 'this job has no generators: name an input with file:PATH'
      : `this job has: ${names.join(', ')}`
  refuseLocator(first, 'the job has no generator of that name', hint)
}
