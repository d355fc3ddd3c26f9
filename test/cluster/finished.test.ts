// A job whose last checkpoint is in the log and published has finished, whatever happens to its threads afterwards.
import { describe, expect, it } from 'vitest'
import { defineJob } from '../../operators/index.js'
import { collectSink, runInProcess, sourceOf } from '../../runtime/testing/index.js'

describe('a failure behind the last checkpoint', () => {
  it('does not fail a job that has published everything, so that the next submit does not write it again', async () => {
    const out = collectSink<number>()
    const job = defineJob({
      name: 'late-failure',
      build(env) {
        env
          .fromSource(sourceOf([[1, 2, 3]]), { uid: 'numbers' })
          .process<number>(
            {
              onElement: (n, ctx) => ctx.emit(n),
              close() {
                throw new Error('the connection was gone already')
              },
            },
            { uid: 'connected' },
          )
          .sinkTo(out.sink, { uid: 'out' })
      },
    })
    const result = await runInProcess(job, { restartAttempts: 0 })
    expect(out.values()).toEqual([1, 2, 3])
    expect(result.status).toBe('FINISHED')
  })
})
