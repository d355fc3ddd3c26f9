import { describe, expect, it } from 'vitest'
import type { MetricsLevel } from '../../runtime/metrics/catalogue.js'
import type { Figure, SlotFigures } from '../../runtime/metrics/figures.js'
import { JobProgress } from '../../runtime/metrics/job-progress.js'
import { MetricsRegistry } from '../../runtime/metrics/registry.js'
import type { Series } from '../../runtime/metrics/series.js'
import type { OperatorPlace } from '../../runtime/metrics/topology.js'

const PLACES: readonly OperatorPlace[] = [
  { uid: 'in', kind: 'source', task: 'in', taskId: 0, head: true, tail: false },
  { uid: 'map', kind: 'operator', task: 'in', taskId: 0, head: false, tail: true },
  { uid: 'out', kind: 'sink', task: 'out', taskId: 1, head: true, tail: true },
]

function registryAt(level: MetricsLevel, progress = new JobProgress()): MetricsRegistry {
  const usage = () => ({ cpuPercent: 50, threads: 12 })
  return new MetricsRegistry({ application: 'app', places: PLACES, level, progress, usage, nowMs: 0 })
}

const counter = (key: string, count: number): Figure => ({ key, kind: 'counter', count })
const gauge = (key: string, value: number, combine: 'sum' | 'max' | 'min'): Figure => ({
  key,
  kind: 'gauge',
  value,
  combine,
})

function slotFigures(operators: Record<string, readonly Figure[]>, rest: Partial<SlotFigures> = {}): SlotFigures {
  return { operators: Object.entries(operators).map(([uid, figures]) => ({ uid, figures })), tasks: [], ...rest }
}

/** `name of Task=.., ..` (without Application) -> values. */
function shown(series: readonly Series[], name: string): Record<string, readonly number[]> {
  return Object.fromEntries(
    series
      .filter((one) => one.name === name && one.values.length > 0)
      .map(({ dimensions, values }) => [
        dimensions
          .slice(1)
          .map((pair) => pair.join('='))
          .join(' '),
        values,
      ]),
  )
}

describe('the series of a job', () => {
  it('records of the application are those of its sources and sinks, of a task those of its head and tail', () => {
    const registry = registryAt('parallelism')
    for (const slot of [0, 1]) {
      const io = (into: number, out: number) => [counter('numRecordsIn', into), counter('numRecordsOut', out)]
      registry.slotReported(slot, slotFigures({ in: io(100, 90), map: io(90, 60), out: io(60, 60) }), {})
    }
    const series = registry.collect(10_000)
    expect(shown(series, 'numRecordsIn')).toEqual({
      '': [200],
      'Task=in': [200],
      'Task=out': [120],
      'Task=in Operator=in': [200],
      'Task=in Operator=map': [180],
      'Task=out Operator=out': [120],
      'Task=in Operator=in Parallelism=0': [100],
      'Task=in Operator=in Parallelism=1': [100],
      'Task=in Operator=map Parallelism=0': [90],
      'Task=in Operator=map Parallelism=1': [90],
      'Task=out Operator=out Parallelism=0': [60],
      'Task=out Operator=out Parallelism=1': [60],
    })
    expect(shown(series, 'numRecordsOut')).toMatchObject({ '': [120], 'Task=in': [120], 'Task=out': [120] })
    expect(shown(series, 'numRecordsInPerSecond')).toMatchObject({ '': [20], 'Task=in Operator=map': [18] })
  })

  it('levels add up: a finer one has all series of the coarser', () => {
    const ids = (level: MetricsLevel) => {
      const registry = registryAt(level)
      registry.slotReported(0, slotFigures({ in: [counter('numRecordsIn', 1)], map: [counter('mine', 1)] }), {})
      return registry.collect(1000).map(({ name, dimensions }) => JSON.stringify([name, dimensions]))
    }
    const [application, task, operator, parallelism] = (
      ['application', 'task', 'operator', 'parallelism'] as const
    ).map(ids)
    expect(task).toEqual(expect.arrayContaining(application!))
    expect(operator).toEqual(expect.arrayContaining(task!))
    expect(parallelism).toEqual(expect.arrayContaining(operator!))
    expect(new Set([application!, task!, operator!, parallelism!].map((list) => list.length)).size).toBe(4)
  })

  it('totals go on from the checkpoint after a restart, and rates count what was done, twice where it was done twice', () => {
    const registry = registryAt('application')
    registry.attemptStarted(2)
    registry.slotReported(0, slotFigures({ in: [counter('numRecordsIn', 500)] }), { in: { numRecordsIn: 1000 } })
    expect(shown(registry.collect(10_000), 'numRecordsIn')).toEqual({ '': [1500] })
    registry.checkpointCompleted({ in: { numRecordsIn: 1400 } })
    registry.attemptStarted(2)
    expect(shown(registry.collect(20_000), 'numRecordsIn')).toEqual({ '': [1400] })
    registry.slotReported(0, slotFigures({ in: [counter('numRecordsIn', 300)] }), { in: { numRecordsIn: 1400 } })
    const series = registry.collect(30_000)
    expect(shown(series, 'numRecordsIn')).toEqual({ '': [1700] })
    expect(shown(series, 'numRecordsInPerSecond')).toEqual({ '': [30] })
  })

  it('gauges are combined as they say, without what is not finite', () => {
    const registry = registryAt('application')
    const values = [7, NaN, 5]
    values.forEach((value, slot) =>
      registry.slotReported(
        slot,
        slotFigures({
          in: [gauge('millisBehindLatest', value, 'max'), gauge('currentInputWatermark', value, 'min')],
          map: [gauge('queue', value, 'sum'), gauge('never', NaN, 'sum')],
        }),
        {},
      ),
    )
    const series = registry.collect(1000)
    expect(shown(series, 'millisBehindLatest')).toEqual({ '': [7] })
    expect(shown(series, 'currentInputWatermark')).toEqual({ '': [5] })
    expect(shown(series, 'queue')).toEqual({ '': [12] })
    expect(shown(series, 'never')).toEqual({})
  })

  it('groups with a value are dimensions, others one dimension together, and the marker of Managed Flink none', () => {
    const registry = registryAt('application')
    const key = '/kinesisanalytics/Service=WordCountApplication/Tokenizer/TotalWords'
    registry.slotReported(0, slotFigures({ map: [counter(key, 3), counter('/Task=x/y', 1)] }), { map: { [key]: 10 } })
    const series = registry.collect(1000)
    expect(shown(series, 'TotalWords')).toEqual({ 'Service=WordCountApplication Group=Tokenizer': [13] })
    expect(shown(series, 'y')).toEqual({ '_Task=x': [1] })
  })

  it('one shard has its lag at level parallelism only', () => {
    const figures = slotFigures({ in: [gauge('/ShardId=shard-1/millisBehindLatest', 5, 'max')] })
    const at = (level: MetricsLevel) => {
      const registry = registryAt(level)
      registry.slotReported(0, figures, {})
      return shown(registry.collect(1000), 'millisBehindLatest')
    }
    expect(at('operator')).toEqual({})
    expect(at('parallelism')).toEqual({ 'Task=in Operator=in Parallelism=0 ShardId=shard-1': [5] })
  })

  it('meters are rates and histograms distributions of the time since the last look', () => {
    const registry = registryAt('application')
    const report = (slot: number, count: number, value: number) =>
      registry.slotReported(
        slot,
        slotFigures({
          map: [
            { key: 'm', kind: 'meter', count },
            { key: 'h', kind: 'histogram', seen: { values: [value], counts: [2] }, notFinite: 1 },
          ],
        }),
        {},
      )
    report(0, 10, 1)
    report(0, 20, 2)
    report(1, 30, 1)
    const series = registry.collect(10_000)
    expect(shown(series, 'm')).toEqual({ '': [5] })
    expect(series.find(({ name }) => name === 'h')).toMatchObject({ values: [1, 2], counts: [4, 2] })
    expect(shown(series, 'hNonFinite')).toEqual({ '': [2] })
    expect(shown(registry.collect(20_000), 'h')).toEqual({})
    expect(shown(registry.collect(30_000), 'm')).toEqual({ '': [0] })
  })

  it('time a second is a value of each subtask', () => {
    const registry = registryAt('task')
    const report = (slot: number, busyMs: number, backPressuredMs: number, elapsedMs: number) => {
      const tasks = [{ task: 0, time: { busyMs, backPressuredMs, elapsedMs } }]
      registry.slotReported(slot, slotFigures({}, { tasks }), {})
    }
    report(0, 500, 100, 1000)
    report(0, 700, 100, 2000)
    report(1, 0, 0, 2000)
    const series = registry.collect(2000)
    expect(shown(series, 'busyTimeMsPerSecond')).toEqual({ '': [0, 350], 'Task=in': [0, 350] })
    expect(shown(series, 'backPressuredTimeMsPerSecond')).toMatchObject({ '': [0, 50] })
    expect(shown(series, 'idleTimeMsPerSecond')).toMatchObject({ '': [600, 1000] })
    expect(shown(registry.collect(3000), 'busyTimeMsPerSecond')).toEqual({})
  })

  it('heap is a value of each thread, garbage collections count on in a new thread', () => {
    const registry = registryAt('application')
    const thread = (heapUsedBytes: number, oldCount: number) => ({
      thread: {
        heapUsedBytes,
        heapLimitBytes: 200,
        collections: { youngCount: 0, youngMs: 0, oldCount, oldMs: 2 * oldCount },
      },
    })
    registry.slotReported(0, slotFigures({}, thread(50, 3)), {})
    registry.slotReported(1, slotFigures({}, thread(100, 4)), {})
    expect(shown(registry.collect(1000), 'heapMemoryUtilization')).toEqual({ '': [25, 50] })
    registry.attemptStarted(2)
    registry.slotReported(0, slotFigures({}, thread(20, 1)), {})
    const series = registry.collect(2000)
    expect(shown(series, 'oldGenerationGCCount')).toEqual({ '': [8] })
    expect(shown(series, 'oldGenerationGCTime')).toEqual({ '': [16] })
    expect(shown(series, 'threadCount')).toEqual({ '': [12] })
    expect(shown(series, 'cpuUtilization')).toEqual({ '': [50] })
  })

  it('uptime, downtime, restarts and checkpoints are those of Flink', () => {
    const progress = new JobProgress()
    const registry = registryAt('application', progress)
    const at = (nowMs: number, ...names: string[]) => {
      const series = registry.collect(nowMs)
      return names.map((name) => shown(series, name)[''])
    }
    progress.started(1, 1000)
    expect(at(5000, 'uptime', 'downtime', 'fullRestarts', 'lastCheckpointSize')).toEqual([[4000], [0], [0], undefined])
    progress.checkpointCompleted({ durationMs: 30, stateBytes: 4096 })
    progress.checkpointFailed()
    progress.failed(6000)
    expect(at(6500, 'uptime', 'downtime')).toEqual([[0], [500]])
    progress.started(2, 7000)
    expect(at(9000, 'uptime', 'downtime', 'fullRestarts', 'lastCheckpointDuration', 'lastCheckpointSize')).toEqual([
      [2000],
      [0],
      [1],
      [30],
      [4096],
    ])
    expect(at(9500, 'numberOfCompletedCheckpoints', 'numberOfFailedCheckpoints')).toEqual([[1], [1]])
    progress.end()
    expect(at(9900, 'uptime', 'downtime')).toEqual([[-1], [-1]])
  })
})
