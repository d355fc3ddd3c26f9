import { describe, expect, it } from 'vitest'
import {
  boundedOutOfOrderness,
  count,
  defineJob,
  monotonous,
  tumbling,
  type JobDefinition,
} from '../../operators/index.js'
import { JobMetrics, type JobMetricsOptions } from '../../runtime/cli/job-metrics.js'
import type { Sink } from '../../runtime/contract/sink.js'
import { silentEvents } from '../../runtime/coordinator/silent-events.js'
import type { Series } from '../../runtime/metrics/series.js'
import { planJob } from '../../runtime/plan/plan.js'
import { collectSink, runInProcess, sourceOf, type InProcessOptions } from '../../runtime/testing/index.js'

interface Word {
  readonly word: string
  readonly ts: number
}

/** Lines of words; words are counted by the second. Every 50th comes far too late. */
const LINES = Array.from({ length: 4 }, (_, split) =>
  Array.from({ length: 250 }, (_, i) => ({
    text: Array.from({ length: 1 + ((i + split) % 3) }, (_, w) => `word${(i * 7 + w) % 13}`).join(' '),
    ts: i % 50 === 49 ? 0 : 1_000_000 + i * 100,
  })),
)
const lines = LINES.flat()
const words = lines.flatMap(({ text, ts }) => text.split(' ').map((word): Word => ({ word, ts })))

function wordCount(failAt = Infinity) {
  const out = collectSink<{ word: string; n: number }>()
  let seen = 0
  const job = defineJob({
    name: 'wordCount',
    build(env) {
      env
        .fromSource(sourceOf(LINES, { recordsPerPoll: 10, pollEveryMs: 1 }), {
          uid: 'lines',
          watermarks: boundedOutOfOrderness('1s', (line) => line.ts),
        })
        .process<Word>(
          {
            onElement({ text, ts }, ctx) {
              if (++seen === failAt) throw new Error('once')
              const group = ctx.metrics
                .addGroup('kinesisanalytics')
                .addGroup('Service', 'WordCountApplication')
                .addGroup('Tokenizer')
              for (const word of text.split(' ')) {
                group.counter('TotalWords').inc()
                group.meter('WordsPerSecond').mark()
                group.histogram('WordLength').update(word.length)
                ctx.emit({ word, ts })
              }
            },
          },
          { uid: 'tokenizer' },
        )
        .keyBy(({ word }) => word)
        .window(tumbling('1s'))
        .aggregate(count(), (word, _window, n) => ({ word, n }))
        .uid('counts')
        .sinkTo(out.sink, { uid: 'out' })
    },
  })
  return { job, out }
}

/** Runs the job, publishing all the while, and gives what was published. */
async function published(
  { job }: { readonly job: JobDefinition },
  options: Partial<JobMetricsOptions> = {},
  run: InProcessOptions = {},
) {
  const publications: { series: readonly Series[]; atMs: number }[] = []
  const notes: string[] = []
  const warnings: string[] = []
  const metrics = new JobMetrics({
    application: 'wordCount',
    reporter: { publish: (series, atMs) => publications.push({ series, atMs }), close: async () => {} },
    place: 'a test',
    intervalMs: 100,
    level: 'application',
    maxSeries: 500,
    secrets: [],
    now: () => Date.now(),
    note: (message) => notes.push(message),
    warn: (message) => warnings.push(message),
    ...options,
  })
  const events = metrics.observe(planJob(job.build({}), run.parallelism ?? 2, 128), silentEvents)
  const result = await runInProcess(job, { parallelism: 2, ...run, events })
  await metrics.end()
  return { result, publications, notes, warnings }
}

/** The last value of a series of the application. */
function last(series: readonly Series[], name: string, ...more: string[]): readonly number[] | undefined {
  return series.find(
    (one) =>
      one.name === name &&
      one.level === 'application' &&
      more.every((pair) => one.dimensions.some((d) => d.join('=') === pair)),
  )?.values
}

describe('the metrics of a running job', () => {
  it('are what really was read, made and written, whatever the level', async () => {
    const run = wordCount()
    const { result, publications } = await published(run, { level: 'parallelism' })
    expect(result.status).toBe('FINISHED')
    const { series } = publications.at(-1)!
    const value = (name: string, dimensions: string) =>
      series
        .filter((one) => one.name === name)
        .find(
          ({ dimensions: given }) =>
            given
              .slice(1)
              .map((pair) => pair.join('='))
              .join(' ') === dimensions,
        )?.values[0]
    const written = run.out.values()
    const late = words.length - written.reduce((sum, { n }) => sum + n, 0)
    expect(late).toBeGreaterThan(0)
    expect(value('numRecordsIn', '')).toBe(lines.length)
    expect(value('numRecordsOut', '')).toBe(written.length)
    expect(value('numLateRecordsDropped', '')).toBe(late)
    expect(value('numRecordsOut', 'Task=lines')).toBe(words.length)
    expect(value('numRecordsIn', 'Task=counts')).toBe(words.length)
    expect(value('numRecordsOut', 'Task=lines Operator=lines')).toBe(lines.length)
    expect(value('numRecordsIn', 'Task=lines Operator=tokenizer')).toBe(lines.length)
    expect(value('numRecordsOut', 'Task=lines Operator=tokenizer')).toBe(words.length)
    expect(value('numRecordsOut', 'Task=counts Operator=counts')).toBe(written.length)
    const shares = [0, 1].map((slot) => value('numRecordsIn', `Task=lines Operator=lines Parallelism=${slot}`)!)
    expect(shares).toEqual([500, 500])
    const group = 'Service=WordCountApplication Group=Tokenizer'
    expect(value('TotalWords', group)).toBe(words.length)
    expect(value('TotalWords', `Task=lines Operator=tokenizer ${group}`)).toBe(words.length)
  })

  it('add up over publications: rates to records, histograms to values', async () => {
    const { publications } = await published(wordCount())
    expect(publications.length).toBeGreaterThan(1)
    const lengths = new Map<number, number>()
    let records = 0
    let marked = 0
    let beforeMs: number | undefined
    for (const { series, atMs } of publications) {
      // The time before the first one is not known here.
      if (beforeMs !== undefined) {
        records += (last(series, 'numRecordsInPerSecond')![0]! * (atMs - beforeMs)) / 1000
        marked += (last(series, 'WordsPerSecond', 'Group=Tokenizer')![0]! * (atMs - beforeMs)) / 1000
      } else {
        records += last(series, 'numRecordsIn')![0]!
        marked += last(series, 'TotalWords')![0]!
      }
      beforeMs = atMs
      const seen = series.find(({ name }) => name === 'WordLength')
      seen?.values.forEach((value, i) => lengths.set(value, (lengths.get(value) ?? 0) + seen.counts[i]!))
    }
    expect(records).toBeCloseTo(lines.length, 3)
    expect(marked).toBeCloseTo(words.length, 3)
    const expected = new Map<number, number>()
    for (const { word } of words) expected.set(word.length, (expected.get(word.length) ?? 0) + 1)
    expect([...lengths].sort()).toEqual([...expected].sort())
  })

  it('survive a failure: totals are exact, the restart is counted', async () => {
    const run = wordCount(600)
    const { result, publications } = await published(run, {}, { restartAttempts: 3, checkpointIntervalMs: 20 })
    expect(result.status).toBe('FINISHED')
    const { series } = publications.at(-1)!
    expect(last(series, 'numRecordsIn')).toEqual([lines.length])
    expect(last(series, 'TotalWords')).toEqual([words.length])
    expect(last(series, 'fullRestarts')).toEqual([1])
    expect(last(series, 'numberOfCompletedCheckpoints')).toEqual([result.checkpoints])
    expect(last(series, 'uptime')).toEqual([-1])
  })

  it('time of subtasks adds up to a second', async () => {
    const { publications } = await published(wordCount(), { level: 'task' })
    const { series } = publications[0]!
    const times = ['busyTimeMsPerSecond', 'backPressuredTimeMsPerSecond', 'idleTimeMsPerSecond'].map((name) =>
      series.filter((one) => one.name === name && one.level === 'task'),
    )
    const total = times
      .flat()
      .reduce((sum, { values, counts }) => sum + values.reduce((part, value, i) => part + value * counts[i]!, 0), 0)
    // Two tasks of two subtasks.
    expect(total).toBeCloseTo(4000, 0)
  })

  it('tell work from waiting: a slow function is busy, a slow sink is backpressure', async () => {
    const sink = (slow: boolean): Sink<number> => ({
      name: 'slow',
      guarantee: 'at-least-once',
      describe: 'slow:',
      createWriter: () => ({
        write: () => {},
        busy: () => (slow ? new Promise((resolve) => setTimeout(resolve, 25)) : undefined),
        flush: () => {},
      }),
    })
    const job = (slowSink: boolean) =>
      defineJob({
        name: 'slow',
        build(env) {
          env
            .fromSource(sourceOf([Array.from({ length: 30 }, (_, i) => i)], { recordsPerPoll: 1 }), {
              uid: 'numbers',
              watermarks: monotonous((n: number) => n),
            })
            .map((n) => {
              if (!slowSink) for (const end = Date.now() + 25; Date.now() < end;);
              return n
            })
            .sinkTo(sink(slowSink), { uid: 'out' })
        },
      })
    const times = async (slowSink: boolean) => {
      const { publications } = await published({ job: job(slowSink) }, { intervalMs: 60_000 }, { parallelism: 1 })
      const { series } = publications.at(-1)!
      return ['busyTimeMsPerSecond', 'backPressuredTimeMsPerSecond'].map((name) => last(series, name)![0]!)
    }
    const [busy, notStuck] = await times(false)
    expect(busy).toBeGreaterThan(700)
    expect(notStuck).toBeLessThan(100)
    const [notBusy, stuck] = await times(true)
    expect(stuck).toBeGreaterThan(700)
    expect(notBusy).toBeLessThan(200)
  })

  it('the number of series is told, and how many are over the limit', async () => {
    const { notes, warnings, publications } = await published(wordCount(), { maxSeries: 5, level: 'operator' })
    expect(notes).toEqual(['metrics: 5 series to a test, every 0.1 s'])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(
      /^metrics: \d+ series are more than --metrics-max-series 5: \d+ are not published, the first of them \w+ of Application=wordCount$/,
    )
    for (const { series } of publications) {
      expect(series.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['numRecordsIn', 'numRecordsInPerSecond', 'numRecordsOut', 'numRecordsOutPerSecond']),
      )
      expect(series.length).toBeLessThanOrEqual(5)
    }
  })

  it('a reporter that throws is a warning, and the job goes on', async () => {
    const reporter = {
      publish: () => {
        throw new Error('broken')
      },
      close: async () => {},
    }
    const { result, warnings } = await published(wordCount(), { reporter })
    expect(result.status).toBe('FINISHED')
    expect(warnings).toEqual(['metrics are not published, the job goes on: Error: broken'])
  })
})
