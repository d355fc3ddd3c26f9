import { describe, expect, it } from 'vitest'
import { oneLineJob } from './sample-jobs.js'
import { reportOf, runCli } from './run-cli.js'
import { tempFolder } from './temp-folder.js'

/** No AWS settings of this machine. */
const BARE = {
  AWS_REGION: '',
  AWS_DEFAULT_REGION: '',
  AWS_PROFILE: '',
  AWS_CONFIG_FILE: '/nonexistent',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
}
const folder = () => tempFolder({ 'job.ts': oneLineJob('', "'done'") })

describe('runtime dashboard', () => {
  it('prints the dashboard of the job as its options say', async () => {
    const args = ['--print', '--region', 'eu-west-1', '--metrics-level', 'operator', '--job-id', 'mine']
    const { code, stdout, stderr } = await runCli(folder(), ['dashboard', 'job.ts', ...args], BARE)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { widgets } = JSON.parse(stdout) as { widgets: { properties: { region?: string; metrics?: unknown[] } }[] }
    const diagrams = widgets.flatMap(({ properties }) => (properties.metrics === undefined ? [] : [properties]))
    expect(diagrams.length).toBeGreaterThan(15)
    expect(diagrams.every(({ region }) => region === 'eu-west-1')).toBe(true)
    const line = [
      'Millrace',
      'numRecordsInPerSecond',
      'Application',
      'mine',
      'Task',
      'in',
      'Operator',
      'out',
      { label: 'out' },
    ]
    expect(diagrams.flatMap(({ metrics }) => metrics)).toContainEqual(line)
  })

  it.each([
    [['dashboard'], /MILLRACE_USAGE: missing argument 'job.ts'.*\n.*runtime dashboard --help/],
    [['dashboard', 'job.ts'], /MILLRACE_USAGE: neither --put nor --print is given/],
    [['dashboard', 'job.ts', '--print'], /MILLRACE_USAGE: no AWS region is set/],
    [['dashboard', 'job.ts', '--print', '--parallelism', '2'], /MILLRACE_USAGE: unknown option '--parallelism'/],
    [['dashboard', 'none.ts', '--print', '--region', 'x'], /MILLRACE_JOB_FILE: .*none\.ts/],
  ])('%j is refused in one line', async (args, message) => {
    const { code, stdout, stderr } = await runCli(folder(), args, BARE)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(message)
  })
})

describe('options of metrics', () => {
  it.each([
    [['--metrics', 'cloudwatch'], /MILLRACE_USAGE: no AWS region is set/],
    [['--metrics-level', 'task'], /MILLRACE_USAGE: --metrics-level is given, but no metrics are published/],
    [['--metrics', 'prometheus'], /--metrics prometheus is not valid/],
    [['--metrics-interval', '500ms'], /--metrics-interval 500ms is not valid/],
    [['--metrics-namespace', 'AWS/Kinesis'], /--metrics-namespace AWS\/Kinesis is not valid/],
  ])('%j is refused before the job runs', async (args, message) => {
    const result = await runCli(folder(), ['submit', 'job.ts', '--json', ...args], BARE)
    expect(result.code).toBe(2)
    expect(result.stderr).toMatch(message)
    expect(reportOf(result)).toMatchObject({ status: 'REFUSED' })
  })

  it('in the environment they may be for other runs', async () => {
    const result = await runCli(folder(), ['submit', 'job.ts'], { ...BARE, MILLRACE_METRICS_LEVEL: 'task' })
    expect(result).toMatchObject({ code: 0, stdout: 'done\n' })
  })
})
