import { environmentName, OPTIONS, type OptionSpec } from '../../config/options.js'
import type { JobDefinition, ParamSpec } from '../contract/graph.js'

/** All options, in the order in which help shows them. */
export function allOptions(): readonly OptionSpec<unknown>[] {
  return Object.values(OPTIONS)
}

/** The option as a command line has it: `--checkpoint-dir <DIR|s3://...>`. */
export function flagsOf(spec: OptionSpec<unknown>): string {
  return spec.argument === undefined ? `--${spec.key}` : `--${spec.key} <${spec.argument}>`
}

/** What help says of an option: what it is, what holds without it. */
export function helpOf(spec: OptionSpec<unknown>): string {
  const fallback = spec.defaultNote ?? spec.default
  const isSwitch = spec.argument === undefined
  return fallback === undefined || isSwitch ? spec.description : `${spec.description} (default: ${fallback})`
}

/** What stands under the options. */
export function helpFooter(): string {
  const example = environmentName(OPTIONS.checkpointDir)
  return `

Every option is also taken from the environment (${example}=...) and from the file of --config ("checkpointDir": ...).
The command line wins over the environment, the environment over the file.
The file may be a list of property groups instead, or have one under "propertyGroups"; parameters win over them.
A parameter's value secret:NAME#FIELD is read from Secrets Manager, at each start and restart, and shown nowhere.

Exit codes: 0 finished or suspended, 1 failed, 2 refused before starting, 3 canceled, 4 --stop-timeout passed.
`
}

/** The parameters of a job, one a line. Values of secrets are not shown. */
export function paramsHelp(job: JobDefinition): string {
  if (job.params.length === 0) return `\nJob ${job.name} has no parameters.`
  const names = job.params.map((param) => `  ${param.name}=<${param.type}>`)
  const width = Math.max(...names.map((name) => name.length)) + 2
  const lines = job.params.map((param, i) => `${names[i]!.padEnd(width)}${describe(param)}`)
  return `\nParameters of job ${job.name} (--param NAME=VALUE):\n${lines.join('\n')}`
}

function describe(param: ParamSpec): string {
  const { fromGroup } = param
  const group = fromGroup === undefined ? [] : [`(property group ${fromGroup.group}: ${fromGroup.template})`]
  const fallback =
    param.default === undefined
      ? '(required)'
      : param.default === ''
        ? '(optional)'
        : `(default: ${param.secret === true ? '***' : param.default})`
  const description = param.description === undefined ? [] : [param.description]
  return [...description, fallback, ...group].join(' ')
}
