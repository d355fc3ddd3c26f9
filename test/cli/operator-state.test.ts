import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reportOf, runCli, startCli, type RunningCli } from './run-cli.js'
import { tempFolder } from './temp-folder.js'

const RULES = 30

/** Numbers the values of each key; keeps every tenth in a list, and rules in every subtask, until it is drained. */
const job = `
import { defineJob, list, map, monotonous, value } from 'millrace'
import { datagen } from 'millrace/connectors/datagen'
import { consoleSink } from 'millrace/connectors/console'
import { fileSink } from 'millrace/connectors/file'

export default defineJob({
  name: 'ruled',
  checkpointInterval: '200ms',
  build(env) {
    const values = env.fromSource(
      datagen({ generate: (n) => n, timestampOf: (n) => n, ratePerSecond: 2000 }),
      { uid: 'values', watermarks: monotonous() },
    )
    const rules = env
      .fromSource(datagen({ generate: (n) => n, timestampOf: (n) => n, count: ${RULES} }), { uid: 'rules', watermarks: monotonous() })
      .broadcast({ rules: map() })
    const kept = values.process({
      state: { kept: list() },
      onElement(n, ctx) {
        if (n % 10 === 0) ctx.state.kept.add({ n: BigInt(n), at: new Date(n) })
        ctx.emit(n)
      },
      finish(ctx) {
        for (const { n, at } of ctx.state.kept.get()) ctx.output({ name: 'kept' }, 'kept ' + n + ' ' + at.getTime())
        ctx.state.kept.clear()
      },
    }, { uid: 'keep' })
    const counted = kept.keyBy((n) => n % 7).connect(rules).process({
      state: { count: value() },
      onElement(n, ctx) {
        const count = (ctx.state.count.value() ?? 0) + 1
        ctx.state.count.update(count)
        ctx.emit(['counted', ctx.key, count, n].join(' '))
        if (n % 500 === 0) ctx.output({ name: 'told' }, 'value ' + n)
      },
      onBroadcast: (n, ctx) => ctx.broadcast.rules.set(n, 'r'.repeat(300)),
      finish: (ctx) => ctx.emit('rules ' + [...ctx.broadcast.rules.entries()].length),
    }, { uid: 'counted' })
    counted.sideOutput({ name: 'told' }).sinkTo(consoleSink(), { uid: 'console' })
    counted.sinkTo(fileSink({ directory: 'counted' }), { uid: 'counted-out' })
    kept.sideOutput({ name: 'kept' }).sinkTo(fileSink({ directory: 'kept' }), { uid: 'kept-out' })
  },
})
`

function written(cwd: string, output: string): string[] {
  return readdirSync(join(cwd, output), { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(cwd, output, name)).isFile() && !name.split('/').some((part) => /^[._]/.test(part)))
    .flatMap((name) => readFileSync(join(cwd, output, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as string)
}

async function submitted(cwd: string, parallelism: string): Promise<RunningCli> {
  const run = startCli(cwd, ['submit', 'job.ts', '--json', '--parallelism', parallelism])
  await run.says(/value \d/)
  return run
}

describe('a job with operator state and broadcast state', () => {
  it('keeps them when it is rescaled and when it is submitted again at another parallelism', async () => {
    const cwd = tempFolder({ 'package.json': '{ "type": "module" }', 'job.ts': job })
    const first = await submitted(cwd, '2')
    expect(await runCli(cwd, ['rescale', 'ruled', '--parallelism', '3'])).toMatchObject({ code: 0 })
    expect(await runCli(cwd, ['stop', 'ruled', 'saved'])).toMatchObject({ code: 0 })
    expect(reportOf(await first.ended)).toMatchObject({ status: 'SUSPENDED' })
    const second = await submitted(cwd, '4')
    expect(await runCli(cwd, ['rescale', 'ruled', '--parallelism', '1'])).toMatchObject({ code: 0 })
    expect(await runCli(cwd, ['rescale', 'ruled', '--parallelism', '2'])).toMatchObject({ code: 0 })
    expect(await runCli(cwd, ['stop', 'ruled', '--drain'])).toMatchObject({ code: 0 })
    const report = reportOf(await second.ended)
    expect(report).toMatchObject({ status: 'FINISHED' })

    const counted = written(cwd, 'counted')
    expect(counted.filter((line) => line.startsWith('rules'))).toEqual([`rules ${RULES}`, `rules ${RULES}`])
    const values = counted.filter((line) => line.startsWith('counted'))
    expect(values.length + RULES).toBe(report['recordsIn'])
    const read = values.map((line) => line.split(' ').slice(1).map(Number))
    for (let key = 0; key < 7; key++) {
      const counts = read.flatMap(([of, count]) => (of === key ? [count!] : [])).sort((a, b) => a - b)
      expect(counts).toEqual(counts.map((_, i) => i + 1))
    }
    const tens = read.flatMap(([, , n]) => (n! % 10 === 0 ? [`kept ${n} ${n}`] : []))
    expect(new Set(read.map(([, , n]) => n)).size).toBe(values.length)
    expect(written(cwd, 'kept').sort()).toEqual(tens.sort())
  }, 120_000)
})
