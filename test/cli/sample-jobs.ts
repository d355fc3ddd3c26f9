/** A job without end: counts from 0, `rate` a second, every value to a file sink and every `printEvery`th to the console. */
export const countingJob: string = `
import { existsSync, writeFileSync } from 'node:fs'
import { defineJob, p, monotonous } from 'millrace'
import { datagen } from 'millrace/connectors/datagen'
import { consoleSink } from 'millrace/connectors/console'
import { fileSink } from 'millrace/connectors/file'

export default defineJob({
  name: 'counting',
  checkpointInterval: '200ms',
  params: {
    rate: p.integer(200).describe('records a second'),
    count: p.integer(0),
    printEvery: p.integer(50),
    output: p.string('out'),
    token: p.string('').secret(),
    blockAt: p.integer(-1),
    failAt: p.integer(-1),
    failOnceAt: p.integer(-1),
  },
  build(env, { rate, count, printEvery, output, blockAt, failAt, failOnceAt }) {
    const values = env.fromSource(
      datagen<number>({ generate: (n) => n, timestampOf: (n) => n, ratePerSecond: rate, ...(count > 0 ? { count } : {}) }),
      { uid: 'values', watermarks: monotonous() },
    )
    const checked = values.map((value) => {
      if (value === failOnceAt && !existsSync('failed')) {
        writeFileSync('failed', '')
        throw new Error('value ' + value + ' is bad once')
      }
      if (value === failAt) throw new Error('value ' + failAt + ' is bad')
      if (value === blockAt) { console.log('blocked'); for (const end = Date.now() + 10_000; Date.now() < end; ) {} }
      return value
    })
    checked.filter((value) => value % printEvery === 0).map((value) => 'value ' + value).sinkTo(consoleSink(), { uid: 'console' })
    checked.sinkTo(fileSink({ directory: output }), { uid: 'out' })
  },
})
`

/** A job that prints one line and is done. `body` stands before it, `value` is what it prints. */
export function oneLineJob(body: string, value: string): string {
  return `
import { defineJob, noWatermarks } from 'millrace'
import { datagen } from 'millrace/connectors/datagen'
import { consoleSink } from 'millrace/connectors/console'
${body}
export default defineJob({
  name: 'oneLine',
  build(env) {
    env
      .fromSource(datagen({ count: 1, generate: () => 0 }), { uid: 'in', watermarks: noWatermarks() })
      .map(() => ${value})
      .sinkTo(consoleSink(), { uid: 'out' })
  },
})
`
}
