import { MillraceError } from '../runtime/contract/errors.js'
import { readConfigFile, type ConfigFile } from './config-file.js'
import { environmentName, fileName, OPTIONS, type OptionName, type OptionSpec, type OptionValues } from './options.js'
import type { PropertyGroups } from './property-groups.js'

/** Options of a command line by key (`job-id`), each as often as it was given. A switch is given as `true`. */
export type GivenFlags = Readonly<Record<string, readonly string[]>>

/** All options, and for those that were given, where: a name for messages. */
export interface ResolvedOptions {
  readonly values: OptionValues
  readonly origins: Readonly<Partial<Record<OptionName, string>>>
  /** Of the config file; parameters that are given themselves win over them: see `paramsOfGroups`. */
  readonly propertyGroups?: PropertyGroups
}

interface Found {
  readonly text: string
  /** As messages name it, with the value. */
  readonly shown: string
  readonly origin: string
}

/**
 * The one rule for every option: command line, then environment, then config file, then the default. (The job's own default for the
 * checkpoint interval stands before that one: see `origins`.) Parameters go by it one by one. MILLRACE_USAGE names where a bad value
 * came from.
 */
export function resolveOptions(
  flags: GivenFlags,
  environment: Readonly<Record<string, string | undefined>>,
): ResolvedOptions {
  const configPath = find(OPTIONS.config, flags, environment, undefined)?.text
  const file = configPath === undefined ? undefined : readConfigFile(configPath)
  const values: Record<string, unknown> = {}
  const origins: Partial<Record<OptionName, string>> = {}
  for (const name of Object.keys(OPTIONS) as OptionName[]) {
    const spec = OPTIONS[name] as OptionSpec<unknown>
    if (spec.pairs) continue
    const found = find(spec, flags, environment, file)
    if (found !== undefined) origins[name] = found.origin
    values[name] = found === undefined ? defaultOf(spec) : parse(spec, found)
  }
  values['params'] = resolvePairs(OPTIONS.params, flags, environment, file)
  const groups = file?.groups
  return {
    values: values as unknown as OptionValues,
    origins,
    ...(groups === undefined ? {} : { propertyGroups: groups }),
  }
}

function find(
  spec: OptionSpec<unknown>,
  flags: GivenFlags,
  environment: Readonly<Record<string, string | undefined>>,
  file: ConfigFile | undefined,
): Found | undefined {
  const given = flags[spec.key]?.at(-1)
  if (given !== undefined) return { text: given, shown: `--${spec.key} ${given}`, origin: `--${spec.key}` }
  const variable = environmentName(spec)
  const set = environment[variable]
  // An empty variable is how a shell unsets one.
  if (set !== undefined && set !== '') return { text: set, shown: `${variable}=${set}`, origin: variable }
  const name = fileName(spec)
  const written = file !== undefined && Object.hasOwn(file.options, name) ? file.options[name] : undefined
  if (written === undefined) return undefined
  const origin = `"${name}" in ${file!.path}`
  return { text: written, shown: `${origin}: ${written}`, origin }
}

function parse(spec: OptionSpec<unknown>, found: Found): unknown {
  const value = spec.type.parse(found.text)
  if (value !== undefined) return value
  throw new MillraceError('MILLRACE_USAGE', `${found.shown} is not valid`, { hint: `expected ${spec.type.form}` })
}

function defaultOf(spec: OptionSpec<unknown>): unknown {
  return spec.default === undefined ? undefined : spec.type.parse(spec.default)
}

function resolvePairs(
  spec: OptionSpec<unknown>,
  flags: GivenFlags,
  environment: Readonly<Record<string, string | undefined>>,
  file: ConfigFile | undefined,
): Record<string, string> {
  const variable = environmentName(spec)
  const lines = (environment[variable] ?? '').split('\n').filter((line) => line.trim() !== '')
  return Object.fromEntries([
    ...Object.entries(file?.params ?? {}),
    ...lines.map((line) => splitPair(line.trim(), variable)),
    ...(flags[spec.key] ?? []).map((given) => splitPair(given, `--${spec.key}`)),
  ])
}

/** The value isn't named: it may be a secret. */
function splitPair(given: string, origin: string): [string, string] {
  const cut = given.indexOf('=')
  if (cut > 0) return [given.slice(0, cut), given.slice(cut + 1)]
  const shown = cut === 0 ? 'a parameter without a name' : `"${given}", which has no "="`
  throw new MillraceError('MILLRACE_USAGE', `${origin} gives ${shown}`, {
    hint: `write ${origin}${origin.startsWith('-') ? ' ' : '='}NAME=VALUE`,
  })
}
