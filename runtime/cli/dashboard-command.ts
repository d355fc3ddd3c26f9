import { OPTIONS, type OptionName } from '../../config/options.js'
import { resolveOptions, type GivenFlags } from '../../config/resolve-options.js'
import { awsFailure } from '../aws/aws-errors.js'
import { MillraceError, serializeError } from '../contract/errors.js'
import { openCloudWatch } from '../metrics/cloudwatch-client.js'
import { dashboardBody } from '../metrics/dashboard.js'
import { placesOf } from '../metrics/topology.js'
import { planJob } from '../plan/plan.js'
import { loadJob, prepareJob } from './prepare-job.js'
import { Redactor } from './redactor.js'
import type { Screen } from './screen.js'
import { tellFailure } from './tell.js'

/** The options of `runtime submit` that a dashboard depends on. */
export const DASHBOARD_OPTIONS: readonly OptionName[] = [
  'jobId',
  'params',
  'config',
  'metricsNamespace',
  'metricsIntervalMs',
  'metricsLevel',
]

/** An option that only `runtime dashboard` has. */
export interface DashboardFlag {
  readonly key: string
  readonly argument?: string
  readonly description: string
}

/** Those that it has besides. */
export const DASHBOARD_FLAGS: readonly DashboardFlag[] = [
  { key: 'put', description: 'write the dashboard to CloudWatch' },
  { key: 'print', description: 'print its body, as PutDashboard takes it' },
  { key: 'name', argument: 'NAME', description: "the dashboard's name (default: Millrace-<job-id>)" },
  {
    key: 'region',
    argument: 'REGION',
    description: 'where the metrics and the dashboard are (default: as the AWS SDK finds it)',
  },
]

const REFUSED = 2
const FAILED = 1
const MAX_NAME = 255

/** `runtime dashboard` in this process. Resolves with the exit code. */
export async function dashboardCommand(jobFile: string, flags: GivenFlags, screen: Screen): Promise<number> {
  const redactor = new Redactor()
  try {
    const dashboard = await describeDashboard(jobFile, flags, redactor)
    if (flags['print'] !== undefined) screen.print(dashboard.body)
    if (flags['put'] !== undefined) await put(dashboard, screen)
    return 0
  } catch (error) {
    const serialized = redactor.error(serializeError(error, 'MILLRACE_INTERNAL'))
    tellFailure(screen, undefined, serialized)
    return serialized.code === 'MILLRACE_OUTPUT' || serialized.code === 'MILLRACE_INTERNAL' ? FAILED : REFUSED
  } finally {
    screen.end()
  }
}

interface Dashboard {
  readonly name: string
  readonly region: string
  readonly body: string
}

async function describeDashboard(jobFile: string, flags: GivenFlags, redactor: Redactor): Promise<Dashboard> {
  if (flags['put'] === undefined && flags['print'] === undefined) {
    throw new MillraceError('MILLRACE_USAGE', 'neither --put nor --print is given', {
      hint: '--put writes the dashboard to CloudWatch, --print shows it',
    })
  }
  const resolved = resolveOptions(flags, process.env)
  const { values } = resolved
  const { jobId, graph } = await prepareJob(await loadJob(jobFile), resolved, redactor)
  const name = nameOf(flags['name']?.at(-1), jobId)
  const region = await regionOf(flags['region']?.at(-1))
  const { metricsNamespace: namespace, metricsLevel: level, metricsIntervalMs: intervalMs } = values
  const places = placesOf(planJob(graph, 1, values.maxParallelism))
  const body = dashboardBody({ application: jobId, namespace, region, places, level, intervalMs })
  return { name, region, body: JSON.stringify(body, null, 2) }
}

async function put({ name, region, body }: Dashboard, screen: Screen): Promise<void> {
  const calls = await openCloudWatch({ region })
  try {
    const remarks = await calls.putDashboard(name, body)
    for (const remark of remarks) screen.note(`warning: ${remark}`)
    screen.note(`dashboard "${name}" is in CloudWatch in ${region}`)
  } catch (error) {
    throw awsFailure(error, {
      code: 'MILLRACE_OUTPUT',
      resource: `CloudWatch dashboard "${name}"`,
      region,
      permission: 'cloudwatch:PutDashboard',
    })
  } finally {
    calls.close()
  }
}

async function regionOf(given: string | undefined): Promise<string> {
  if (given !== undefined) return given
  try {
    const { clientSettings } = await import('../aws/client-settings.js')
    return (await clientSettings()).region
  } catch {
    throw new MillraceError('MILLRACE_USAGE', 'no AWS region is set', {
      hint: 'give --region, set AWS_REGION, or name a profile that has one with AWS_PROFILE',
    })
  }
}

function nameOf(given: string | undefined, jobId: string): string {
  if (given === undefined) return `Millrace-${jobId.replaceAll('.', '-')}`
  if (/^[\w-]+$/.test(given) && given.length <= MAX_NAME) return given
  throw new MillraceError('MILLRACE_USAGE', `--name ${given} is not valid`, {
    hint: `expected at most ${MAX_NAME} letters, digits, "_" and "-"`,
  })
}

/** The options of `runtime submit` that hold here too. */
export function sharedOptions(): (typeof OPTIONS)[OptionName][] {
  return DASHBOARD_OPTIONS.map((name) => OPTIONS[name])
}
