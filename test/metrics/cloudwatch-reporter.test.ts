import type { MetricDatum } from '@aws-sdk/client-cloudwatch'
import { describe, expect, it } from 'vitest'
import type { CloudWatchCalls } from '../../runtime/metrics/cloudwatch-client.js'
import { CloudWatchReporter } from '../../runtime/metrics/cloudwatch-reporter.js'
import type { Series } from '../../runtime/metrics/series.js'

const point = (name: string): Series => ({
  name,
  level: 'application',
  dimensions: [['Application', 'app']],
  unit: 'Count',
  values: [1],
  counts: [1],
})

const named = (name: string, message = 'no') => Object.assign(new Error(message), { name })
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** A CloudWatch that does what `answer` says to each call. */
function cloudWatch(answer: (data: readonly MetricDatum[], call: number) => Promise<void>) {
  const sent: string[][] = []
  const warnings: string[] = []
  let calls = 0
  let nowMs = 0
  const client: CloudWatchCalls = {
    region: 'eu-west-1',
    async putMetricData(_namespace, data) {
      await answer(data, ++calls)
      sent.push(data.map(({ MetricName }) => MetricName!))
    },
    putDashboard: async () => [],
    close: () => {},
  }
  const reporter = new CloudWatchReporter({
    calls: client,
    namespace: 'Millrace',
    intervalMs: 60_000,
    warn: (message) => warnings.push(message),
    now: () => nowMs,
  })
  return { reporter, sent, warnings, calls: () => calls, later: (ms: number) => (nowMs += ms) }
}

describe('publishing to CloudWatch', () => {
  it('what comes while a call is under way goes with the next', async () => {
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    const { reporter, sent } = cloudWatch(() => gate)
    reporter.publish([point('a')], 0)
    reporter.publish([point('b')], 0)
    release()
    await reporter.close(1000)
    expect(sent).toEqual([['a'], ['b']])
  })

  it('an outage keeps a bounded number of points, warns once in five minutes and says what was lost', async () => {
    let down = true
    const { reporter, sent, warnings, later } = cloudWatch(async () => {
      if (down) throw named('TimeoutError')
    })
    for (let minute = 0; minute < 70; minute++) {
      reporter.publish([point(`m${minute}`)], minute)
      await settled()
      later(60_000)
    }
    expect(warnings.length).toBe(14)
    expect(warnings[0]).toMatch(/the job goes on.*CloudWatch namespace "Millrace".*TimeoutError/)
    down = false
    reporter.publish([point('last')], 70)
    await reporter.close(1000)
    expect(sent.flat()[0]).toBe('m11')
    expect(sent.flat().at(-1)).toBe('last')
    expect(warnings.at(-1)).toBe('CloudWatch takes metrics again; 11 data points are lost')
  })

  it('what is refused for good is dropped, and what comes behind it is sent', async () => {
    const { reporter, sent, warnings } = cloudWatch(async (data) => {
      if (data[0]!.MetricName === 'bad') throw named('InvalidParameterValueException', 'bad value')
    })
    reporter.publish([point('bad')], 0)
    reporter.publish([point('good')], 0)
    await reporter.close(1000)
    expect(sent).toEqual([['good']])
    expect(warnings[0]).toMatch(/InvalidParameterValueException: bad value/)
  })

  it('denied access names the permission', async () => {
    const { reporter, warnings } = cloudWatch(async () => {
      throw Object.assign(named('AccessDenied'), { $metadata: { httpStatusCode: 403 } })
    })
    reporter.publish([point('a')], 0)
    await reporter.close(1000)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('cloudwatch:PutMetricData')
  })

  it('does not wait longer at the end than it may, when nothing answers', async () => {
    const { reporter, calls } = cloudWatch(() => new Promise(() => {}))
    reporter.publish([point('a')], 0)
    const before = performance.now()
    await reporter.close(50)
    expect(performance.now() - before).toBeLessThan(5000)
    expect(calls()).toBe(1)
  })
})
