// Checkpoints of jobs under backpressure whose barriers overtake records, on one thread with the real coordinator.
import { expect, it } from 'vitest'
import { datagen } from '../../operators/connectors/datagen/index.js'
import { defineJob, noWatermarks, type JobDefinition, type Stream } from '../../operators/index.js'
import { collectSink, runInProcess, type CollectSink } from '../../runtime/testing/index.js'

const sleeper = new Int32Array(new SharedArrayBuffer(4))

interface Item {
  readonly key: number
  readonly content: unknown
}

interface Wide {
  readonly streams: number
  readonly count: number
  readonly content: (n: number) => unknown
}

/** Streams that are joined and go through a function of two milliseconds, shuffled to it. */
function slowly({ streams, count, content }: Wide): { readonly job: JobDefinition; readonly out: CollectSink<number> } {
  const out = collectSink<number>()
  const job = defineJob({
    name: 'slowly',
    build(env) {
      const stream = (uid: string): Stream<Item> =>
        env
          .fromSource(datagen({ count, splits: 2, generate: (n) => ({ key: n % 40, content: content(n) }) }), {
            uid,
            watermarks: noWatermarks(),
          })
          .map((item) => item)
      const [first, ...others] = Array.from({ length: streams }, (_, n) => stream(`s${n}`))
      first!
        .union(...others)
        .map((item) => item)
        .keyBy(({ key }) => key)
        .process<number>({
          onElement({ key }, ctx) {
            Atomics.wait(sleeper, 0, 0, 2)
            ctx.emit(key)
          },
        })
        .uid('slow')
        .sinkTo(out.sink, { uid: 'out' })
    },
  })
  return { job, out }
}

const OVERTAKING = {
  parallelism: 2,
  memoryBytes: 64 * 1024 * 1024,
  checkpointIntervalMs: 200,
  checkpointTimeoutMs: 20_000,
  alignmentTimeoutMs: 50,
}

it('are complete although a subtask that is asked for no more waits for barriers that cannot overtake', async () => {
  // The union's inputs stay aligned.
  const { job, out } = slowly({ streams: 2, count: 700, content: (n) => `${n} `.repeat(300) })
  const result = await runInProcess(job, OVERTAKING)
  expect(result.status).toBe('FINISHED')
  expect(out.records).toHaveLength(1400)
})
