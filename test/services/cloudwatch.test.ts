import {
  CloudWatchClient,
  GetDashboardCommand,
  GetMetricDataCommand,
  paginateListMetrics,
  type Dimension,
  type Metric,
} from '@aws-sdk/client-cloudwatch'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ENGINE_METRICS } from '../../runtime/metrics/catalogue.js'
import { reportOf, runCli, startCli, type CliResult } from '../cli/run-cli.js'
import { tempFolder } from '../cli/temp-folder.js'
import { describeWith } from './emulators/availability.js'
import { ACCESS_KEY, awsEnv, clientFor, SECRET_KEY } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'
import { startFaultProxy } from './fault-proxy.js'
import { dropBefore, internalError, refuse, silence, throttle, type Fault } from './faults/faults.js'

/** Words of a made-up text, counted by a metric as the tokenizer of the well-known example does. */
const wordCount = `
import { defineJob, p, boundedOutOfOrderness, count, tumbling } from 'millrace'
import { datagen } from 'millrace/connectors/datagen'
import { consoleSink } from 'millrace/connectors/console'

export default defineJob({
  name: 'wordCount',
  checkpointInterval: '200ms',
  params: { lines: p.integer(500), rate: p.integer(500), token: p.string('').secret() },
  build(env, { lines, rate, token }) {
    env
      .fromSource(
        datagen({
          count: lines,
          ratePerSecond: rate,
          generate: (n) => ({ text: 'the words of line ' + (n % 7), ts: n % 100 === 99 ? 0 : 1_000_000 + n * 10 }),
          timestampOf: (line) => line.ts,
        }),
        { uid: 'lines', watermarks: boundedOutOfOrderness('1s') },
      )
      .process<{ word: string; ts: number }>(
        {
          onElement({ text }, ctx) {
            const group = ctx.metrics.addGroup('kinesisanalytics').addGroup('Service', 'WordCountApplication').addGroup('Tokenizer')
            for (const word of text.split(' ')) {
              group.counter('TotalWords').inc()
              group.histogram('WordLength').update(word.length)
              group.meter('Words').mark()
              group.gauge('Impossible', () => NaN)
              if (token !== '') ctx.metrics.addGroup('Token', token).counter('Leaked').inc()
              ctx.emit({ word, ts: ctx.timestamp })
            }
          },
        },
        { uid: 'tokenizer' },
      )
      .keyBy(({ word }) => word)
      .window(tumbling('1s'))
      .aggregate(count(), (word, window, n) => word + ' ' + n)
      .uid('counts')
      .sinkTo(consoleSink(), { uid: 'out' })
  },
})
`

/** A job id of its own for each run: moto's GetMetricData does not look at the namespace. */
const nextId = (() => {
  let n = 0
  return () => `job${++n}`
})()

const RECORDS = 500

describeWith(['moto'], 'metrics in CloudWatch', () => {
  let moto: Emulator
  let client: CloudWatchClient
  beforeAll(async () => {
    moto = await startMoto()
    client = new CloudWatchClient(clientFor(moto))
  })
  afterAll(() => moto?.stop())

  const submitArgs = (id: string) => ['submit', 'wordCount.ts', '--json', '--job-id', id, '--metrics', 'cloudwatch']

  const submit = (id: string, args: readonly string[] = [], endpoint = moto.endpoint): Promise<CliResult> => {
    const given = [...submitArgs(id), '--metrics-namespace', `Test/${id}`, '--metrics-interval', '1s', ...args]
    return runCli(tempFolder({ 'wordCount.ts': wordCount }), given, awsEnv({ cloudwatch: endpoint }))
  }

  /** Of all that was published of a series: the greatest value, or how many values, or their sum. */
  async function statistic(id: string, name: string, stat: string, more: Record<string, string> = {}) {
    const Dimensions: Dimension[] = Object.entries({ Application: id, ...more }).map(([Name, Value]) => ({
      Name,
      Value,
    }))
    const metric = { Namespace: `Test/${id}`, MetricName: name, Dimensions }
    const now = Date.now()
    const { MetricDataResults } = await client.send(
      new GetMetricDataCommand({
        StartTime: new Date(now - 600_000),
        EndTime: new Date(now + 600_000),
        MetricDataQueries: [{ Id: 'm', MetricStat: { Metric: metric, Period: 60, Stat: stat } }],
      }),
    )
    const values = MetricDataResults![0]!.Values!
    return stat === 'Maximum' ? Math.max(...values) : values.reduce((a, b) => a + b, 0)
  }

  /** `name Task=.. ..`, without the application. */
  async function seriesOf(id: string, space = `Test/${id}`): Promise<string[]> {
    const found: Metric[] = []
    for await (const { Metrics = [] } of paginateListMetrics({ client }, { Namespace: space })) found.push(...Metrics)
    const shown = found.map(({ MetricName, Dimensions }) => {
      expect(Dimensions![0]).toEqual({ Name: 'Application', Value: id })
      return [MetricName, ...Dimensions!.slice(1).map(({ Name, Value }) => `${Name}=${Value}`)].join(' ')
    })
    return [...new Set(shown)].sort()
  }

  it('are what the job says of itself, and the last of them come when it has ended', async () => {
    const id = nextId()
    const result = await submit(id, ['--parallelism', '2'])
    expect(result).toMatchObject({ code: 0 })
    const report = reportOf(result)
    expect(report).toMatchObject({ status: 'FINISHED', recordsIn: RECORDS })
    expect(report['lateRecordsDropped']).toBeGreaterThan(0)
    const total = (name: string, more: Record<string, string> = {}) => statistic(id, name, 'Maximum', more)
    expect(await total('numRecordsIn')).toBe(report['recordsIn'])
    expect(await total('numRecordsOut')).toBe(report['recordsOut'])
    expect(await total('numLateRecordsDropped')).toBe(report['lateRecordsDropped'])
    expect(await total('numberOfCompletedCheckpoints')).toBe(report['checkpoints'])
    const group = { Service: 'WordCountApplication', Group: 'Tokenizer' }
    expect(await total('TotalWords', group)).toBe(RECORDS * 5)
    expect(await statistic(id, 'WordLength', 'SampleCount', group)).toBe(RECORDS * 5)
    expect(await statistic(id, 'WordLength', 'Sum', group)).toBe(RECORDS * 'thewordsofline0'.length)
    for (const name of ['cpuUtilization', 'heapMemoryUtilization', 'threadCount', 'busyTimeMsPerSecond', 'uptime'])
      expect(await total(name), name).toBeGreaterThan(0)

    const inCloudWatch = await seriesOf(id)
    const notHere = ['millisBehindLatest', 'numInvalidRecords', 'numFailedRecords', 'numFailedRecordsDropped']
    const expected = ENGINE_METRICS.map(({ name }) => name).filter((name) => !notHere.includes(name))
    expect(inCloudWatch).toEqual(expect.arrayContaining(expected))
    const told = /metrics: (\d+) series to CloudWatch namespace "Test\/\w+" in us-east-1, every 1 s/.exec(result.stderr)
    expect(told, result.stderr).not.toBeNull()
    // Some may come later, and what never has a value is not billed.
    expect(Math.abs(Number(told![1]) - inCloudWatch.length)).toBeLessThanOrEqual(5)
  })

  it('have a series for each subtask at the finest level, up to the limit', async () => {
    const id = nextId()
    const args = ['--parallelism', '2', '--metrics-level', 'parallelism', '--param', 'lines=100']
    expect(await submit(id, args)).toMatchObject({ code: 0 })
    expect(await seriesOf(id)).toEqual(
      expect.arrayContaining([
        'numRecordsIn Task=lines',
        'numRecordsIn Task=lines Operator=tokenizer',
        'numRecordsIn Task=lines Operator=tokenizer Parallelism=1',
        'busyTimeMsPerSecond Task=counts Parallelism=0',
      ]),
    )
    const few = nextId()
    const limited = await submit(few, [...args, '--metrics-max-series', '40'])
    expect((await seriesOf(few)).length).toBeLessThanOrEqual(40)
    expect(limited.stderr).toMatch(
      /warning: metrics: \d+ series are more than --metrics-max-series 40: \d+ are not published/,
    )
  })

  it('never have a secret in them, nor does what is said of them', async () => {
    const id = nextId()
    const result = await submit(id, ['--param', 'token=hunter2hunter2', '--param', 'lines=10'])
    expect(result).toMatchObject({ code: 0 })
    const all = await seriesOf(id)
    expect(all).toContain('Leaked Token=***')
    expect(all.join() + result.stdout + result.stderr).not.toContain('hunter2')
    expect(result.stdout + result.stderr).not.toContain(SECRET_KEY)
    expect(result.stdout + result.stderr).not.toContain(ACCESS_KEY)
  })

  const faults: readonly [string, Fault][] = [
    ['throttles', throttle()],
    ['fails', internalError()],
    ['drops connections', dropBefore()],
    ['never answers', silence({ reached: false })],
    ['denies access', refuse(403, 'AccessDenied')],
    ['does not know the key', refuse(403, 'InvalidClientTokenId')],
  ]
  it.each(faults)('a CloudWatch that %s costs the job nothing but its metrics', async (_, fault) => {
    const proxy = await startFaultProxy(moto)
    try {
      proxy.inject({ fault, times: Infinity })
      const result = await submit(nextId(), [], proxy.endpoint)
      expect(result).toMatchObject({ code: 0 })
      const report = reportOf(result)
      expect(report).toMatchObject({ status: 'FINISHED', recordsIn: RECORDS, failure: null })
      // A second of records, five at most for the last metrics, the rest is starting.
      expect(report['durationMs']).toBeLessThan(20_000)
      expect(proxy.requests()).toBeGreaterThan(0)
      // No answer is told of only when it is clear that there will be none.
      if (fault.name.startsWith('silence')) return
      expect(result.stderr).toMatch(/warning: metrics are not published, the job goes on: .*CloudWatch/)
    } finally {
      await proxy.stop()
    }
  })

  it('come again when an outage is over', async () => {
    const proxy = await startFaultProxy(moto)
    try {
      const id = nextId()
      proxy.inject({ fault: throttle(), times: 3 })
      expect(await submit(id, [], proxy.endpoint)).toMatchObject({ code: 0 })
      expect(await statistic(id, 'numRecordsIn', 'Maximum')).toBe(RECORDS)
    } finally {
      await proxy.stop()
    }
  })

  it('are published when a signal ends the job', async () => {
    const id = nextId()
    const run = startCli(
      tempFolder({ 'wordCount.ts': wordCount }),
      [...submitArgs(id), '--metrics-namespace', `Test/${id}`, '--param', 'rate=50'],
      awsEnv({ cloudwatch: moto }),
    )
    await run.says(/metrics: \d+ series/)
    run.child.kill('SIGTERM')
    const report = reportOf(await run.ended)
    expect(report['status']).toBe('SUSPENDED')
    // A record may come between the last checkpoint and the end: it is read again next time.
    const published = await statistic(id, 'numRecordsIn', 'Maximum')
    expect(published).toBeGreaterThanOrEqual(report['recordsIn'] as number)
    expect(published).toBeLessThan(RECORDS)
  })
})

describeWith(['moto'], 'the dashboard', () => {
  let moto: Emulator
  beforeAll(async () => {
    moto = await startMoto()
  })
  afterAll(() => moto?.stop())

  const dashboard = (args: readonly string[], env = awsEnv({ cloudwatch: moto })) =>
    runCli(tempFolder({ 'wordCount.ts': wordCount }), ['dashboard', 'wordCount.ts', ...args], env)

  it('is written as it is printed', async () => {
    const args = ['--print', '--put', '--metrics-level', 'parallelism', '--metrics-namespace', 'Mine']
    const { code, stdout, stderr } = await dashboard(args)
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'dashboard "Millrace-wordCount" is in CloudWatch in us-east-1\n',
    })
    const client = new CloudWatchClient(clientFor(moto))
    const { DashboardBody } = await client.send(new GetDashboardCommand({ DashboardName: 'Millrace-wordCount' }))
    expect(DashboardBody).toBe(stdout.trimEnd())
    const { widgets } = JSON.parse(stdout) as { widgets: unknown[] }
    expect(widgets.length).toBeGreaterThan(15)
    expect(stdout).toContain('"Mine"')
  })

  describe('says in one line why it was not written', () => {
    const nowhere = awsEnv({ cloudwatch: 'http://127.0.0.1:9' })
    const { AWS_REGION: _, ...noRegion } = awsEnv({ cloudwatch: 'http://127.0.0.1:9' })
    it.each([
      [
        'nobody answers',
        ['--put'],
        nowhere,
        1,
        /CloudWatch dashboard "Millrace-wordCount": the service cannot be reached \(ECONNREFUSED\)/,
      ],
      ['there is no region', ['--put'], { ...noRegion, AWS_REGION: '' }, 2, /MILLRACE_USAGE: no AWS region is set/],
      ['it was not asked for', [], nowhere, 2, /MILLRACE_USAGE: neither --put nor --print is given/],
      ['its name is none', ['--put', '--name', 'a b'], nowhere, 2, /MILLRACE_USAGE: --name a b is not valid/],
    ])('%s', async (_, args, env, code, message) => {
      const result = await dashboard(args, env)
      expect(result.code).toBe(code)
      expect(result.stderr).toMatch(message)
      expect(result.stderr.trimEnd().split('\n')).toHaveLength(2)
      expect(result.stderr).not.toContain(SECRET_KEY)
    })
  })
})
