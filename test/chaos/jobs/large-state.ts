// Much state, little else: every key is met `passes` times and remembers a long text. What comes out tells whether each key had all of it.
import { defineJob, noWatermarks, p, value } from 'millrace'
import { datagen } from 'millrace/connectors/datagen'
import { fileSink } from 'millrace/connectors/file'

interface Memory {
  readonly times: number
  readonly text: string
}

export default defineJob({
  name: 'largeState',
  params: {
    keys: p.integer(),
    passes: p.integer(),
    repeats: p.integer(40).describe('of the key, in its text'),
    rate: p.integer(0).describe('records a second, 0: no limit'),
    output: p.string(),
  },
  build(env, { keys, passes, repeats, rate, output }) {
    env
      .fromSource(
        datagen({
          count: keys * passes,
          splits: 4,
          generate: (n) => n % keys,
          ...(rate > 0 ? { ratePerSecond: rate } : {}),
        }),
        { uid: 'numbers', watermarks: noWatermarks() },
      )
      .keyBy((key) => key)
      .process<{ key: number; times: number; whole: boolean }, { memory: ReturnType<typeof value<Memory>> }>(
        {
          state: { memory: value<Memory>() },
          onElement(key, ctx) {
            const text = `${key} `.repeat(repeats)
            const before = ctx.state.memory.value() ?? { times: 0, text }
            const times = before.times + 1
            ctx.state.memory.update({ times, text: before.text })
            if (times >= passes) ctx.emit({ key, times, whole: before.text === text })
          },
        },
        { uid: 'memory' },
      )
      .sinkTo(fileSink({ directory: output }), { uid: 'out' })
  },
})
