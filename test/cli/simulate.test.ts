import { describe, expect, it } from 'vitest'
import { runCli } from './run-cli.js'
import { tempFolder } from './temp-folder.js'

const lines = Array.from({ length: 200 }, (_, i) => JSON.stringify({ user: `u${i % 7}`, n: i })).join('\n')

/** Counts by user. `careless`: numbers the records in a variable, not in state. */
function job(careless: boolean): string {
  return `
import { defineJob, json, noWatermarks, p, sinkFor, streamFrom, value } from 'millrace'
export default defineJob({
  name: 'counting',
  params: { input: p.source(), output: p.sink() },
  build(env, { input, output }) {
    let numbered = 0
    env.fromSource(streamFrom(input), { uid: 'in', decode: json<{ user: string; n: number }>(), watermarks: noWatermarks() })
      .map(({ user }) => ({ user, number: ${careless ? '++numbered' : '0'} }))
      .keyBy(({ user }) => user)
      .process({
        state: { count: value<number>() },
        onElement({ user, number }, ctx) {
          const n = (ctx.state.count.value() ?? 0) + 1
          ctx.state.count.update(n)
          ctx.emit([user, n, number])
        },
      }, { uid: 'count' })
      .sinkTo(sinkFor(output), { uid: 'out' })
  },
})
`
}

const params = ['--param', 'input=file:in.jsonl', '--param', 'output=file:out']

describe('runtime simulate', () => {
  it('runs a job that reads files under faults and prints what was injected', async () => {
    const folder = tempFolder({ 'job.ts': job(false), 'in.jsonl': lines })
    const { code, stdout, stderr } = await runCli(folder, ['simulate', 'job.ts', '--seeds', '20', ...params])
    expect(stderr).toContain('simulates 20 seeds from 1')
    expect(stdout).toMatch(/^20 seeds, [\d.]+ a second: \d+ events, \d+ processes, \d+ checkpoints\ninjected faults:\n/)
    expect(stdout).toMatch(/kill process +\d+\n/)
    expect(stdout).toMatch(/none failed\n$/)
    expect(code).toBe(0)
  }, 60_000)

  it('prints a seed that fails, why, and how to run it again: which fails in the same way', async () => {
    const folder = tempFolder({ 'job.ts': job(true), 'in.jsonl': lines })
    const args = ['simulate', 'job.ts', '--seeds', '200', '--seed-base', '5', ...params]
    const { code, stdout } = await runCli(folder, args)
    expect(code).toBe(1)
    const failure = /seed (\d+) FAILED:\n(?: {2}.+\n)+/.exec(stdout)!
    expect(failure[0]).toContain('the output of sink "out" is not that of an undisturbed run')
    const replay = /^replay: npx runtime (.*)$/m.exec(stdout)![1]!
    expect(replay).toContain(`--seeds 1 --seed-base ${failure[1]} --trace`)
    const again = await runCli(folder, replay.split(' '))
    expect(again.code).toBe(1)
    expect(again.stdout).toContain(failure[0])
  }, 60_000)

  it('says all of it in one line of JSON', async () => {
    const folder = tempFolder({ 'job.ts': job(false), 'in.jsonl': lines })
    const { code, stdout } = await runCli(folder, ['simulate', 'job.ts', '--seeds', '6', '--json', ...params])
    const report = JSON.parse(stdout) as { seeds: number; seedBase: number; faults: object; failed: unknown[] }
    expect(report).toMatchObject({ seeds: 6, seedBase: 1, failed: [] })
    expect(Object.keys(report.faults).length).toBeGreaterThan(3)
    expect(code).toBe(0)
  }, 60_000)

  it.each([
    [['--seeds', 'many'], /MILLRACE_USAGE: --seeds many is not valid/],
    [['--parallelism', '2'], /MILLRACE_USAGE: unknown option '--parallelism'.*\n.*runtime simulate --help/],
  ])('%j is refused in one line', async (args, message) => {
    const folder = tempFolder({ 'job.ts': job(false), 'in.jsonl': lines })
    const { code, stderr } = await runCli(folder, ['simulate', 'job.ts', ...args])
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
  })
})
