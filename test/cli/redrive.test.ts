import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { reportOf, runCli, startCli, type RunningCli } from './run-cli.js'
import { tempFolder } from './temp-folder.js'

vi.setConfig({ testTimeout: 60_000 })

/** Numbers without end; every tenth has no place to go as long as the code is as `broken`. */
const jobOf = (broken: boolean): string => `
import { deadLetter, defineJob, value } from 'millrace'
import { datagen } from 'millrace/connectors/datagen'
import { fileSink } from 'millrace/connectors/file'

const state = { count: value<number>() }

export default defineJob({
  name: 'numbers',
  checkpointInterval: '200ms',
  build(env) {
    env
      .fromSource(datagen<number>({ generate: (n) => n, ratePerSecond: 500 }), { uid: 'numbers' })
      .keyBy((n) => n % 10)
      .process<{ n: number; count: number }, typeof state>({
        state,
        onElement(n, ctx) {
          if (${broken} && n % 10 === 3) throw new Error('no place for ' + n)
          const count = (ctx.state.count.value() ?? 0) + 1
          ctx.state.count.update(count)
          ctx.emit({ n, count })
        },
      })
      .uid('placing')
      .onError(deadLetter('file:letters'))
      .sinkTo(fileSink({ directory: 'out' }), { uid: 'out' })
  },
})
`

describe('runtime redrive', () => {
  it('feeds what failed to the mended job, killed and submitted again: each record once', async () => {
    const folder = tempFolder()
    const submit = (broken: boolean): RunningCli => {
      writeFileSync(join(folder, 'job.ts'), jobOf(broken))
      return startCli(folder, ['submit', 'job.ts', '--parallelism', '2', '--json'])
    }
    const broken = submit(true)
    await until(broken, () => lines(join(folder, 'letters')).length > 50)
    broken.child.kill('SIGTERM')
    expect(reportOf(await broken.ended)).toMatchObject({ status: 'SUSPENDED' })
    const letters = lines(join(folder, 'letters')).length

    const redriven = await runCli(folder, ['redrive', 'letters', '--json'])
    expect(reportOf(redriven)).toEqual({ redriven: { numbers: { placing: letters } }, kept: 0 })

    const mended = submit(false)
    await until(mended, () => outcome(folder).some(({ n }) => n % 10 === 3))
    mended.child.kill('SIGKILL')
    await mended.ended
    const again = submit(false)
    const waiting = join(folder, 'letters', 'redrive', 'numbers', 'placing')
    const laidOut = readdirSync(waiting).filter((name) => name.endsWith('.jsonl'))
    await until(again, () => laidOut.every((name) => existsSync(join(waiting, `${name}.taken`))))
    again.child.kill('SIGTERM')
    expect(reportOf(await again.ended)).toMatchObject({ status: 'SUSPENDED' })

    const numbers = outcome(folder).map(({ n }) => n)
    expect(new Set(numbers).size).toBe(numbers.length)
    // Each of the two splits stops at its own number.
    for (const odd of [0, 1]) {
      const own = numbers.filter((n) => n % 2 === odd).toSorted((a, b) => a - b)
      expect(own).toEqual(own.map((_, i) => 2 * i + odd))
    }
    const threes = outcome(folder).filter(({ n }) => n % 10 === 3)
    expect(threes.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual(threes.map((_, i) => i + 1))
  })

  it('refuses a place without dead letters', async () => {
    const folder = tempFolder()
    const { code, stderr } = await runCli(folder, ['redrive', 'nonexisting'])
    expect(code).toBe(1)
    expect(stderr).toContain('MILLRACE_INPUT: there is no dead-letter file in')
  })

  it('refuses a folder of something else', async () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'other.jsonl'), '{"a":1}\n')
    const { code, stderr } = await runCli(folder, ['redrive', '.'])
    expect(code).toBe(1)
    expect(stderr).toContain('MILLRACE_INPUT: other.jsonl:1 is no line of a dead-letter file')
  })
})

function lines(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /^[^.].*\.jsonl$/.test(name))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
}

function outcome(folder: string): { n: number; count: number }[] {
  return lines(join(folder, 'out')).map((line) => JSON.parse(line) as { n: number; count: number })
}

async function until({ ended }: RunningCli, condition: () => boolean): Promise<void> {
  let over: unknown
  void ended.then((result) => (over = result))
  while (!condition()) {
    if (over !== undefined) throw new Error(`the process ended too early: ${JSON.stringify(over)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
