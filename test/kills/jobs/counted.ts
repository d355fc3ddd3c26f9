// As counting.ts among the fixtures, and threads of it fail when they are told to: a file `<fault>.fault` in the folder `stops`, which the
// thread that finds it takes away.
import { unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { boundedOutOfOrderness, count, defineJob, json, p, tumbling, value } from 'millrace'
import { fileSink, fileSource } from 'millrace/connectors/file'
import { slowed, stopping, Stops } from '../../fixtures/jobs/held.js'

interface Line {
  readonly id: number
  readonly key: string
  readonly time: number
}

const numbers = { count: value<number>() }
/** Records between two looks. */
const LOOK_EVERY = 16

export default defineJob({
  name: 'counted',
  params: {
    input: p.string(),
    output: p.string(),
    stops: p.string(),
    records: p.integer(50).describe('that a split hands over at once'),
    everyMs: p.integer(5).describe('between two polls of a split'),
  },
  build(env, { input, output, stops, records, everyMs }) {
    const stopped = new Stops(stops)
    let seen = 0
    const keyed = env
      .fromSource(slowed(fileSource({ paths: [input] }), records, everyMs, stopped), {
        uid: 'lines',
        decode: json<Line>(),
        watermarks: boundedOutOfOrderness('1s', ({ time }: Line) => time),
      })
      .map((line) => {
        if (++seen % LOOK_EVERY === 0) failIfTold(stops)
        return line
      })
      .keyBy(({ key }) => key)
    keyed
      .window(tumbling('1s'))
      .aggregate(count(), (key, { start }, lines) => ({ key, start, lines }))
      .uid('windows')
      .sinkTo(stopping(fileSink({ directory: `${output}/counts` }), stopped), { uid: 'counts' })
    keyed
      .process<{ key: string; number: number }, typeof numbers>(
        {
          state: numbers,
          open() {
            if (taken(stops, 'exit-restoring')) process.exit(3)
          },
          onElement({ key }, ctx) {
            const number = (ctx.state.count.value() ?? 0) + 1
            ctx.state.count.update(number)
            ctx.emit({ key, number })
          },
        },
        { uid: 'numbers' },
      )
      .sinkTo(fileSink({ directory: `${output}/numbers` }), { uid: 'numbered' })
  },
})

function failIfTold(stops: string): void {
  if (taken(stops, 'nothing')) return
  if (taken(stops, 'throw')) throw new Error('as the test wants it')
  if (taken(stops, 'exit')) process.exit(3)
  if (taken(stops, 'loop')) for (;;) Math.sqrt(2)
  if (taken(stops, 'memory'))
    for (const hoard: number[][] = []; ;) hoard.push(new Array<number>(100_000).fill(hoard.length))
}

/** Whether the fault was wanted, and this thread is the one to have it. */
function taken(stops: string, fault: string): boolean {
  try {
    unlinkSync(join(stops, `${fault}.fault`))
    return true
  } catch {
    return false
  }
}
