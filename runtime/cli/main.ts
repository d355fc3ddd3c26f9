import { Command, CommanderError, Option } from 'commander'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { GivenFlags } from '../../config/resolve-options.js'
import { MillraceError } from '../contract/errors.js'
import { CONTROL_VERBS, controlCommand, JSON_FLAG } from './control-command.js'
import { DASHBOARD_FLAGS, dashboardCommand, sharedOptions } from './dashboard-command.js'
import { allOptions, flagsOf, helpFooter, helpOf, paramsHelp } from './help.js'
import { ownModule } from './own-package.js'
import { loadJob } from './prepare-job.js'
import { Screen } from './screen.js'
import { SIMULATE_FLAGS, simulateCommand, simulateOptions } from './simulate-command.js'
import { refuse, submitCommand, wantsJson } from './submit-command.js'

const REFUSED = 2

/**
 * The program `runtime`: resolves with the exit code when all is done and written. `argv` without node and script. Whoever calls it ends
 * the process: threads of a job that was given up may still run.
 */
export async function main(argv: string[]): Promise<number> {
  let code = 0
  const screen = new Screen(process.stdout, process.stderr)
  const program = buildProgram(screen, (result) => {
    code = result
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help and version were asked for and are written.
    if (error.exitCode === 0) return 0
    return refuse(
      screen,
      usageError(error, program),
      wantsJson(argv.includes('--json') ? { json: ['true'] } : {}, process.env),
    )
  }
  screen.end()
  return code
}

function buildProgram(screen: Screen, done: (code: number) => void): Command {
  const program = new Command('runtime')
    .description('Millrace: stateful stream processing in TypeScript')
    .version(version(), '-V, --version')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action(() => {
      throw new CommanderError(REFUSED, 'millrace.noVerb', 'no verb')
    })
    .argument('[verb]')
    .usage('<verb> [options]')
    // An unknown verb is what is wrong, not its options.
    .allowUnknownOption()
    .allowExcessArguments()
  const submit = program
    .command('submit')
    .summary('run a job until it ends or a signal stops it')
    .description(
      'Runs a job until it ends, or until SIGINT or SIGTERM: then it takes a last checkpoint and goes on from it next time.',
    )
    .argument('[job.ts]', 'the file whose default export is defineJob(...)')
    .helpOption(false)
    .allowUnknownOption(false)
    .allowExcessArguments(false)
  for (const spec of allOptions()) {
    const option = new Option(flagsOf(spec), helpOf(spec))
    submit.addOption(spec.argument === undefined ? option : option.argParser(collect))
  }
  submit.option('-h, --help', "show this, and the job's parameters if a job is named")
  submit.addHelpText('after', helpFooter())
  submit.action(async (jobFile: string | undefined, given: Record<string, unknown>) => {
    if (given['help'] === true) return done(await showHelp(screen, submit, jobFile))
    if (jobFile === undefined) throw new CommanderError(REFUSED, 'millrace.noJob', "error: missing argument 'job.ts'")
    done(await submitCommand(jobFile, flagsIn(submit, given)))
  })
  addDashboard(program, screen, done)
  addSimulate(program, screen, done)
  addControl(program, screen, done)
  return program
}

function addDashboard(program: Command, screen: Screen, done: (code: number) => void): void {
  const dashboard = program
    .command('dashboard')
    .summary("write or print a CloudWatch dashboard of a job's metrics")
    .description('Writes a CloudWatch dashboard of the metrics that the job publishes with --metrics, or prints it.')
    .argument('[job.ts]', 'the file whose default export is defineJob(...)')
    .helpOption('-h, --help', 'show this')
    .allowUnknownOption(false)
    .allowExcessArguments(false)
  for (const { key, argument, description } of DASHBOARD_FLAGS) {
    const option = new Option(argument === undefined ? `--${key}` : `--${key} <${argument}>`, description)
    dashboard.addOption(argument === undefined ? option : option.argParser(collect))
  }
  for (const spec of sharedOptions()) dashboard.addOption(new Option(flagsOf(spec), helpOf(spec)).argParser(collect))
  dashboard.action(async (jobFile: string | undefined, given: Record<string, unknown>) => {
    if (jobFile === undefined) throw new CommanderError(REFUSED, 'millrace.noJob', "error: missing argument 'job.ts'")
    done(await dashboardCommand(jobFile, flagsIn(dashboard, given), screen))
  })
}

function addSimulate(program: Command, screen: Screen, done: (code: number) => void): void {
  const simulate = program
    .command('simulate')
    .summary('run a job again and again under simulated faults')
    .description(
      'Runs a job with the real engine on simulated threads, clock, network and storage, once for each seed, with crashes, pauses and ' +
        'failures that the seed chooses, and compares what it writes with an undisturbed run. Sinks write nothing outside.',
    )
    .argument('[job.ts]', 'the file whose default export is defineJob(...)')
    .helpOption('-h, --help', 'show this')
    .allowUnknownOption(false)
    .allowExcessArguments(false)
  for (const { key, argument, description } of SIMULATE_FLAGS) {
    const option = new Option(argument === undefined ? `--${key}` : `--${key} <${argument}>`, description)
    simulate.addOption(argument === undefined ? option : option.argParser(collect))
  }
  for (const spec of simulateOptions()) simulate.addOption(new Option(flagsOf(spec), helpOf(spec)).argParser(collect))
  simulate.action(async (jobFile: string | undefined, given: Record<string, unknown>) => {
    if (jobFile === undefined) throw new CommanderError(REFUSED, 'millrace.noJob', "error: missing argument 'job.ts'")
    done(await simulateCommand(jobFile, flagsIn(simulate, given), screen))
  })
}

function addControl(program: Command, screen: Screen, done: (code: number) => void): void {
  for (const verb of CONTROL_VERBS) {
    const command = program
      .command(verb.name)
      .summary(verb.summary)
      .description(verb.description)
      .helpOption('-h, --help', 'show this')
      .allowUnknownOption(false)
      .allowExcessArguments(false)
    for (const [name, what] of Object.entries(verb.arguments)) command.argument(name, what)
    for (const { key, argument, description } of [...verb.flags, JSON_FLAG]) {
      command.option(argument === undefined ? `--${key}` : `--${key} <${argument}>`, description)
    }
    command.action(async () => {
      const { args } = command
      done(await controlCommand(verb, args, command.opts(), screen))
    })
  }
}

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text]
}

function flagsIn(submit: Command, given: Record<string, unknown>): GivenFlags {
  const flags: Record<string, readonly string[]> = {}
  for (const option of submit.options) {
    const value = given[option.attributeName()]
    const key = option.long!.slice(2)
    if (value !== undefined) flags[key] = value === true ? ['true'] : (value as readonly string[])
  }
  return flags
}

async function showHelp(screen: Screen, submit: Command, jobFile: string | undefined): Promise<number> {
  screen.print(submit.helpInformation().trimEnd() + helpFooter())
  if (jobFile === undefined) return 0
  try {
    screen.print(paramsHelp((await loadJob(jobFile)).job))
    return 0
  } catch (error) {
    return refuse(screen, error, false)
  }
}

function usageError(error: CommanderError, program: Command): MillraceError {
  const verbs = program.commands.map((command) => command.name()).join(', ')
  if (error.code === 'millrace.noVerb') {
    const verb = program.args[0]
    const what = verb === undefined ? 'no verb given' : `unknown verb "${verb}"`
    return new MillraceError('MILLRACE_USAGE', what, { hint: `verbs: ${verbs}; runtime --help` })
  }
  const [message, suggestion] = error.message.replace(/^error: /, '').split('\n')
  const hint = suggestion?.replace(/^\(|\)$/g, '') ?? `runtime ${verbOf(program)} --help lists arguments and options`
  return new MillraceError('MILLRACE_USAGE', message!, { hint })
}

function verbOf(program: Command): string {
  const [verb = 'submit'] = program.args
  return program.commands.some((command) => command.name() === verb) ? verb : 'submit'
}

function version(): string {
  const url = ownModule('millrace/package.json')
  return url === undefined
    ? 'unknown'
    : (JSON.parse(readFileSync(fileURLToPath(url), 'utf8')) as { version: string }).version
}
