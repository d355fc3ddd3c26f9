import { describe, expect, it } from 'vitest'
import {
  boundedOutOfOrderness,
  count,
  defineJob,
  tumbling,
  type JobDefinition,
  type RejectedRecord,
  type Sink,
} from '../../operators/index.js'
import { collectSink, runInProcess, sourceOf, type CollectSink } from '../../runtime/testing/index.js'

const REASON = 'is a multiple of three'

interface Held {
  readonly value: number
  readonly timestamp: number
}

/** Takes what is no multiple of three. `late`: it comes to know when it is flushed, or a while after the write. */
function pickySink(taken: CollectSink<number>, late: 'never' | 'flush' | 'soon'): Sink<number> {
  return {
    ...taken.sink,
    name: 'picky',
    describe: 'picky:',
    async createWriter(ctx) {
      const writer = await taken.sink.createWriter(ctx)
      const held: Held[] = []
      let pending = 0
      let idle = (): void => undefined
      const decide = ({ value, timestamp }: Held): void => {
        if (value % 3 === 0) ctx.reject(value, timestamp, REASON)
        else writer.write(value, timestamp)
      }
      return {
        write(value, timestamp) {
          if (late === 'never') return decide({ value, timestamp })
          if (late === 'flush') return void held.push({ value, timestamp })
          pending++
          setTimeout(() => {
            decide({ value, timestamp })
            if (--pending === 0) idle()
          }, value % 4)
        },
        async flush(checkpointId) {
          await Promise.resolve()
          for (const one of held.splice(0)) decide(one)
          if (pending > 0) await new Promise<void>((resolve) => (idle = resolve))
          return writer.flush(checkpointId)
        },
        prepareCommit: (checkpointId) => writer.prepareCommit!(checkpointId),
      }
    },
  }
}

interface Rejecting {
  readonly job: JobDefinition
  readonly taken: CollectSink<number>
  readonly refused: CollectSink<RejectedRecord<number>>
  readonly windows: CollectSink<number>
}

const TOTAL = 3000
const numbers = Array.from({ length: 3 }, (_, split) => Array.from({ length: TOTAL / 3 }, (_, i) => i * 3 + split))

function rejecting(late: 'never' | 'flush' | 'soon', fault: (value: number) => void = () => undefined): Rejecting {
  const taken = collectSink<number>()
  const refused = collectSink<RejectedRecord<number>>()
  const windows = collectSink<number>()
  const sink = pickySink(taken, late)
  const job = defineJob({
    name: 'rejecting',
    build(env) {
      const watermarks = boundedOutOfOrderness(0, (n: number) => n)
      const source = sourceOf(numbers, { recordsPerPoll: 20, pollEveryMs: 1 })
      const { rejected } = env
        .fromSource(source, { uid: 'numbers', watermarks })
        .map((n) => {
          fault(n)
          return n
        })
        .sinkTo(sink, { uid: 'picky' })
      rejected.sinkTo(refused.sink, { uid: 'refused' })
      rejected
        .keyBy(({ reason }) => reason)
        .window(tumbling(10_000))
        .aggregate(count())
        .uid('windows')
        .sinkTo(windows.sink, { uid: 'counts' })
    },
  })
  return { job, taken, refused, windows }
}

const all = numbers.flat().sort((a, b) => a - b)

function expectAll({ taken, refused, windows }: Rejecting): void {
  const byValue = (a: number, b: number): number => a - b
  expect(taken.values().sort(byValue)).toEqual(all.filter((n) => n % 3 !== 0))
  expect(
    refused
      .values()
      .map(({ value }) => value)
      .sort(byValue),
  ).toEqual(all.filter((n) => n % 3 === 0))
  expect(refused.values()[0]).toEqual({ value: expect.any(Number) as number, reason: REASON, sink: 'picky:' })
  for (const { value, timestamp } of refused.records) expect(timestamp).toBe(value.value)
  // None is behind the end of time.
  expect(windows.values().reduce((a, b) => a + b)).toBe(TOTAL / 3)
}

describe('what a sink rejects', () => {
  for (const late of ['never', 'flush', 'soon'] as const) {
    const when = { never: 'while it is written', flush: 'when it is flushed', soon: 'at any time after' }[late]

    it(`${when} goes to its rejected output with the reason, and is not counted as written`, async () => {
      const run = rejecting(late)
      const result = await runInProcess(run.job, { parallelism: 2 })
      expect(result.status, JSON.stringify(result.failure)).toBe('FINISHED')
      expectAll(run)
      expect(result.counters['picky']).toMatchObject({ numRecordsOut: (TOTAL / 3) * 2, numRecordsRejected: TOTAL / 3 })
    })

    it(`${when} is on the same side of each barrier: after failures it is there once`, async () => {
      const faults = new Set([500, 1300, 2200])
      const run = rejecting(late, (n) => {
        if (faults.delete(n)) throw new Error(`fault ${'abc'[faults.size]}`)
      })
      const result = await runInProcess(run.job, { parallelism: 2, checkpointIntervalMs: 3, restartAttempts: 20 })
      expect(result.status, JSON.stringify(result.failure)).toBe('FINISHED')
      expect(faults.size).toBe(0)
      expectAll(run)
      expect(result.counters['picky']).toMatchObject({ numRecordsOut: (TOTAL / 3) * 2, numRecordsRejected: TOTAL / 3 })
    })

    it(`${when} fails the job if nobody reads it, and nothing of that checkpoint is published`, async () => {
      const taken = collectSink<number>()
      const picky = pickySink(taken, late)
      let attempts = 0
      const sink: Sink<number> = {
        ...picky,
        createWriter(ctx) {
          attempts++
          return picky.createWriter(ctx)
        },
      }
      const job = defineJob({
        name: 'unread',
        build: (env) =>
          void env.fromSource(sourceOf([[1, 2, 3, 4]]), { uid: 'numbers' }).sinkTo(sink, { uid: 'picky' }),
      })
      const { status, failure } = await runInProcess(job)
      expect(status).toBe('FAILED')
      expect(failure).toMatchObject({
        uid: 'picky',
        error: { code: 'MILLRACE_OUTPUT', message: `operator "picky": picky: cannot take a record: ${REASON}` },
      })
      // No attempt comes to another end.
      expect(attempts).toBe(1)
      expect(failure!.error.hint).toContain("const { rejected } = stream.sinkTo(sink, { uid: 'picky' })")
      expect(taken.values()).toEqual([])
    })
  }

  it('from a sink behind a shuffle, keyed', async () => {
    const taken = collectSink<number>()
    const refused = collectSink<RejectedRecord<number>>()
    const sink = pickySink(taken, 'soon')
    const job = defineJob({
      name: 'keyed',
      build(env) {
        const keyed = env.fromSource(sourceOf(numbers), { uid: 'numbers' }).keyBy((n) => n)
        keyed.sinkTo(sink, { uid: 'picky' }).rejected.sinkTo(refused.sink, { uid: 'refused' })
      },
    })
    const { status } = await runInProcess(job, { parallelism: 3, checkpointIntervalMs: 2 })
    expect(status).toBe('FINISHED')
    expect(refused.values()).toHaveLength(TOTAL / 3)
    expect(taken.values()).toHaveLength((TOTAL / 3) * 2)
  })
})
