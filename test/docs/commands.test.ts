import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { environmentName, OPTIONS } from '../../config/options.js'
import { resolveOptions } from '../../config/resolve-options.js'
import eventsByCountry from '../../jobs/eventsByCountry.js'
import hotSensors from '../../jobs/hotSensors.js'
import pageImpressions from '../../jobs/pageImpressions.js'
import turbineAlerts from '../../jobs/turbineAlerts.js'
import windTurbine from '../../jobs/windTurbine.js'
import { CONTROL_VERBS } from '../../runtime/cli/control-command.js'
import { DASHBOARD_FLAGS } from '../../runtime/cli/dashboard-command.js'
import { SIMULATE_FLAGS } from '../../runtime/cli/simulate-command.js'
import type { JobDefinition } from '../../runtime/contract/graph.js'
import { blocksOf, readPages, repository } from './pages.js'

const pages = readPages()
const JOBS: Readonly<Record<string, JobDefinition>> = {
  'jobs/windTurbine.ts': windTurbine,
  'jobs/pageImpressions.ts': pageImpressions,
  'jobs/eventsByCountry.ts': eventsByCountry,
  'jobs/hotSensors.ts': hotSensors,
  'jobs/turbineAlerts.ts': turbineAlerts,
}
const shell = blocksOf(pages, 'sh')
const specs = Object.values(OPTIONS)
/** What the program has besides options. */
const OTHER_FLAGS = ['--help', '--version']
/** What the simulator's tests take from the environment. */
const TEST_VARIABLES = ['MILLRACE_SIMULATION_SECONDS', 'MILLRACE_SEED']
/** Of other programs. */
const FOREIGN_FLAGS = ['--write', '--twice', '--keep', '--noEmit', '--table', '--port']

const submits = shell.flatMap(({ place, code }) =>
  [...code.matchAll(/(?:npx runtime|node bin\/runtime\.mjs) submit (.*?)(?:$| &&| &| #)/gm)].map((match) => ({
    place,
    command: match[1]!.trim(),
  })),
)

describe('commands in the documentation', () => {
  it('there are some', () => {
    expect(submits.length).toBeGreaterThan(10)
  })

  it.each(submits)('$place: submit $command', ({ command }) => {
    const [job = '', ...words] = wordsOf(command)
    const flags: Record<string, string[]> = {}
    for (let i = 0; i < words.length; i++) {
      const spec = specs.find(({ key }) => `--${key}` === words[i])
      expect(spec ?? words[i], words[i]).toBeTypeOf('object')
      const value = spec!.argument === undefined ? 'true' : words[++i]!
      flags[spec!.key] = [...(flags[spec!.key] ?? []), value]
    }
    delete flags['config']
    const { values } = resolveOptions(flags, {})
    const known = JOBS[job]
    if (known !== undefined) expect(() => known.build(values.params)).not.toThrow()
    else
      expect(
        pages.some(({ text }) => text.includes(`// ${job}\n`)),
        `${job} is shown somewhere`,
      ).toBe(true)
  })

  it('npm scripts exist', () => {
    const { scripts } = JSON.parse(readFileSync(`${repository}/package.json`, 'utf8')) as { scripts: object }
    const named = pages.flatMap(({ text }) =>
      [...text.matchAll(/npm run (?:-s )?([\w:-]+)/g)].map((match) => match[1]!),
    )
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
  })

  it.each(pages)('options and variables that $path names exist', ({ text }) => {
    const flags = [...text.matchAll(/(?<![\w-])--[a-zA-Z][\w-]*/g)].map(([flag]) => flag)
    const known = [
      ...[...specs, ...DASHBOARD_FLAGS, ...SIMULATE_FLAGS, ...CONTROL_VERBS.flatMap(({ flags }) => flags)].map(
        ({ key }) => `--${key}`,
      ),
      ...OTHER_FLAGS,
      ...FOREIGN_FLAGS,
    ]
    expect(flags.filter((flag) => !known.includes(flag))).toEqual([])
    const variables = [...text.matchAll(/MILLRACE_[A-Z_]+/g)].map(([name]) => name)
    const codes = errorCodes()
    const names = [...specs.map(environmentName), ...codes, ...TEST_VARIABLES]
    expect(variables.filter((name) => !names.includes(name))).toEqual([])
  })

  it.each(pages)('files that $path names in backquotes exist', ({ prose }) => {
    const named = prose.flatMap((line) => [
      ...line.matchAll(/`((?:runtime|operators|jobs|config|bench|test|docs|bin)\/[\w./-]+)`/g),
    ])
    const missing = named.map((match) => match[1]!).filter((path) => !existsSync(`${repository}/${path}`))
    expect(missing.filter((path) => !pages.some(({ text }) => text.includes(`// ${path}\n`)))).toEqual([])
  })
})

function errorCodes(): string[] {
  const source = readFileSync(`${repository}/runtime/contract/errors.ts`, 'utf8')
  return [...source.matchAll(/\| '(MILLRACE_[A-Z_]+)'/g)].map((match) => match[1]!)
}

/** A command line's words; quotes go. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2]!)
}
