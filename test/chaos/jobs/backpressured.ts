// Records come much faster than they are worked off: channels are full, and the barriers behind what is in them.
import { defineJob, noWatermarks, p, value } from 'millrace'
import { datagen } from 'millrace/connectors/datagen'
import { fileSink } from 'millrace/connectors/file'

const sleeper = new Int32Array(new SharedArrayBuffer(4))

export default defineJob({
  name: 'backpressured',
  params: {
    keys: p.integer(),
    passes: p.integer(),
    slowMs: p.integer().describe('for each record'),
    output: p.string(),
  },
  build(env, { keys, passes, slowMs, output }) {
    env
      .fromSource(
        datagen({ count: keys * passes, splits: 4, generate: (n) => ({ key: n % keys, text: `${n} `.repeat(300) }) }),
        { uid: 'numbers', watermarks: noWatermarks() },
      )
      .keyBy(({ key }) => key)
      .process<{ key: number; times: number }, { times: ReturnType<typeof value<number>> }>(
        {
          state: { times: value<number>() },
          onElement({ key }, ctx) {
            // Nothing else of the thread goes on meanwhile.
            Atomics.wait(sleeper, 0, 0, slowMs)
            const times = (ctx.state.times.value() ?? 0) + 1
            ctx.state.times.update(times)
            ctx.emit({ key, times })
          },
        },
        { uid: 'slow' },
      )
      .sinkTo(fileSink({ directory: output }), { uid: 'out' })
  },
})
