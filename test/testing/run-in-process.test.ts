import { describe, expect, it } from 'vitest'
import { defineJob, p, value } from '../../operators/index.js'
import { consoleSink } from '../../operators/connectors/console/index.js'
import { collectSink, runInProcess, sourceOf } from '../../runtime/testing/index.js'

describe('runInProcess', () => {
  it('runs a job with its parameters and keeps what it prints', async () => {
    const job = defineJob({
      name: 'greeting',
      params: { greeting: p.string() },
      build(env, { greeting }) {
        env
          .fromSource(sourceOf([['ann', 'bob']]), { uid: 'names' })
          .map((name) => ({ text: `${greeting} ${name}` }))
          .sinkTo(consoleSink(), { uid: 'out' })
      },
    })
    const { status, printed, counters } = await runInProcess(job, { params: { greeting: 'hello' } })
    expect(status).toBe('FINISHED')
    expect(printed).toEqual(['{"text":"hello ann"}', '{"text":"hello bob"}'])
    expect(counters['out']).toEqual({ numRecordsIn: 2, numRecordsOut: 2 })
  })

  it('fails a job that changes a record after it was emitted, unless it is told not to look', async () => {
    const out = collectSink<{ n: number }>()
    const seen = { last: value<{ n: number }>() }
    const job = defineJob({
      name: 'changing',
      build(env) {
        env
          .fromSource(sourceOf([[1, 2]]), { uid: 'numbers' })
          .map((n) => ({ n }))
          .keyBy(() => 'all')
          .process<{ n: number }, typeof seen>(
            {
              state: seen,
              onElement(record, ctx) {
                record.n *= 10
                ctx.emit(record)
              },
            },
            { uid: 'changing' },
          )
          .sinkTo(out.sink, { uid: 'out' })
      },
    })
    const failed = await runInProcess(job)
    expect(failed).toMatchObject({ status: 'FAILED', failure: { uid: 'changing', error: { code: 'MILLRACE_USER' } } })
    expect(failed.failure!.error.message).toMatch(/read only property 'n'/)
    expect((await runInProcess(job, { freeze: false })).status).toBe('FINISHED')
    expect(out.values()).toEqual([{ n: 10 }, { n: 20 }])
  })

  it('reports a job that fails, and what was committed before', async () => {
    const out = collectSink<number>()
    const job = defineJob({
      name: 'failing',
      build(env) {
        env
          .fromSource(sourceOf([[1, 2, 3]], { recordsPerPoll: 1, pollEveryMs: 10 }), { uid: 'numbers' })
          .map((n) => {
            if (n === 3) throw new RangeError('three')
            return n
          })
          .sinkTo(out.sink, { uid: 'out' })
      },
    })
    const result = await runInProcess(job, { checkpointIntervalMs: 1 })
    expect(result).toMatchObject({ status: 'FAILED', failure: { uid: expect.stringMatching(/^map/) as string } })
    expect(result.failure!.error.message).toContain('RangeError: three')
    expect(out.values().length).toBe(result.counters['out']?.['numRecordsOut'] ?? 0)
  })
})
