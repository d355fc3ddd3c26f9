import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { reportOf, runCli, startCli } from './run-cli.js'
import { countingJob, oneLineJob } from './sample-jobs.js'
import { tempFolder } from './temp-folder.js'

const submit = (...args: string[]): string[] => ['submit', 'job.ts', '--json', ...args]
const param = (...pairs: string[]): string[] => pairs.flatMap((pair) => ['--param', pair])

/** What was committed, as numbers. */
function committed(folder: string): number[] {
  const parts = readdirSync(folder).filter((name) => !/^[._]/.test(name))
  return parts.flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').map(Number))
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)

describe('standard output', () => {
  it("carries the job's lines, and as its very last line the object with exactly the fields of the contract", async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const result = await runCli(folder, submit('--parallelism', '2', ...param('count=200', 'rate=100000')))
    expect(result, result.stderr).toMatchObject({ code: 0 })
    const lines = result.stdout.trimEnd().split('\n')
    expect(lines.slice(0, -1).sort()).toEqual(['value 0', 'value 100', 'value 150', 'value 50'])
    expect(reportOf(result)).toEqual({
      job: 'counting',
      status: 'FINISHED',
      recordsIn: 200,
      recordsOut: 204,
      lateRecordsDropped: 0,
      checkpoints: expect.any(Number),
      restoredFrom: null,
      durationMs: expect.any(Number),
      failure: null,
    })
    expect(result.stderr).toMatch(
      /^counting FINISHED after .*\n {2}records in 200, out 204, .*\n {2}checkpoints \d+, in \S+\/\.millrace\/counting$/m,
    )
    expect(sorted(committed(join(folder, 'out')))).toEqual(upTo(200))
  })

  it('a large one through a pipe comes out whole', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const result = await runCli(
      folder,
      submit(...param('count=100000', 'rate=10000000', 'printEvery=1'), '--log-level', 'silent'),
    )
    expect(result).toMatchObject({ code: 0, stderr: '' })
    const lines = result.stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(100_001)
    expect(sorted(lines.slice(0, -1).map((line) => Number(line.slice(6))))).toEqual(upTo(100_000))
    expect(reportOf(result)).toMatchObject({ status: 'FINISHED', recordsOut: 200_000 })
  })

  it('what the job itself logs to the console comes before the object', async () => {
    const folder = tempFolder({ 'job.ts': oneLineJob('', "(console.log('logged'), 'printed')") })
    const result = await runCli(folder, submit())
    expect(result.stdout.trimEnd().split('\n').slice(0, -1).sort()).toEqual(['logged', 'printed'])
    expect(reportOf(result)).toMatchObject({ status: 'FINISHED' })
  })

  it('a reader that goes away suspends the job', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const cli = startCli(folder, submit(...param('rate=2000', 'printEvery=1')))
    await cli.says(/value 10\n/)
    cli.child.stdout!.destroy()
    expect(await cli.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('counting SUSPENDED') })
  })
})

describe('a job outside the clone', () => {
  it('finds its packages, CommonJS and native ones too, the files beside it, and the running millrace', async () => {
    const folder = tempFolder({
      'package.json': '{ "name": "app" }',
      'node_modules/old/package.json': '{ "main": "main.js" }',
      'node_modules/old/main.js': "module.exports = { sep: require('path').sep }",
      'jobs/data/words.json': '["data"]',
      'jobs/job.ts': oneLineJob(
        `import { readFileSync } from 'node:fs'
import old from 'old'
import { ClassicLevel } from 'classic-level'
const words = JSON.parse(readFileSync(new URL('data/words.json', import.meta.url), 'utf8')) as string[]`,
        "[old.sep, typeof ClassicLevel, ...words].join(' ')",
      ),
    })
    const native = fileURLToPath(new URL('../../node_modules/classic-level', import.meta.url))
    mkdirSync(join(folder, 'node_modules'), { recursive: true })
    symlinkSync(native, join(folder, 'node_modules/classic-level'))
    const result = await runCli(folder, ['submit', 'jobs/job.ts', '--json', '--parallelism', '2'])
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(result.stdout.split('\n')[0]).toBe('/ function data')
    expect(readdirSync(join(folder, '.millrace/.bundles')).some((name) => /^job-[0-9a-f]{16}\.mjs$/.test(name))).toBe(
      true,
    )
  })

  it('needs no package.json', async () => {
    const folder = tempFolder({
      'job.ts': oneLineJob("import { word } from './word.js'", 'word'),
      'word.ts': "export const word: string = 'bundled'",
    })
    const result = await runCli(folder, submit())
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(result.stdout.split('\n')[0]).toBe('bundled')
  })
})

describe('signals', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s takes a last checkpoint; the next submit goes on from it and says so',
    async (signal) => {
      const folder = tempFolder({ 'job.ts': countingJob })
      const cli = startCli(folder, submit())
      await cli.says(/value 100\n/)
      cli.child.kill(signal)
      const first = await cli.ended
      expect(first, first.stderr).toMatchObject({ code: 0 })
      const suspended = reportOf(first)
      expect(suspended).toMatchObject({ status: 'SUSPENDED', restoredFrom: null, failure: null })
      expect(sorted(committed(join(folder, 'out')))).toEqual(sorted([...new Set(committed(join(folder, 'out')))]))
      expect(committed(join(folder, 'out'))).toHaveLength(suspended['recordsIn'] as number)

      const again = startCli(folder, submit())
      await again.says(/goes on from its checkpoint \S+\/manifests\/\d+\.json/)
      await again.says(/value 200\n/)
      again.child.kill(signal)
      const report = reportOf(await again.ended)
      expect(report).toMatchObject({
        status: 'SUSPENDED',
        restoredFrom: expect.stringMatching(/\/\.millrace\/counting\/manifests\/\d+\.json$/),
      })
      expect(sorted(committed(join(folder, 'out')))).toEqual(upTo(report['recordsIn'] as number))
    },
  )

  it('a second one ends it at once', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const cli = startCli(folder, submit(...param('blockAt=20')))
    await cli.says(/blocked/)
    cli.child.kill('SIGINT')
    await cli.says(/takes a last checkpoint/)
    cli.child.kill('SIGTERM')
    expect(await cli.ended).toMatchObject({ code: 143, signal: null })
  })

  it('--stop-timeout bounds the last checkpoint: exit 4', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const cli = startCli(folder, submit('--stop-timeout', '300ms', ...param('blockAt=20')))
    await cli.says(/blocked/)
    cli.child.kill('SIGINT')
    const result = await cli.ended
    expect(result).toMatchObject({ code: 4, stderr: expect.stringMatching(/not complete within 300 ms\n.*hint: /) })
    expect(reportOf(result)).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_CHECKPOINT' } })
  })

  it('before the job runs, one ends it at once', async () => {
    const folder = tempFolder({
      'job.ts': "console.error('importing')\nawait new Promise((done) => setTimeout(done, 20_000))\nexport default 1",
    })
    const cli = startCli(folder, submit())
    await cli.says(/importing/)
    cli.child.kill('SIGINT')
    expect(await cli.ended).toMatchObject({ code: 130 })
  })
})

describe('a killed process', () => {
  it('loses nothing: the next one goes on from its last checkpoint, and the output has every value once', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const args = submit('--parallelism', '2', ...param('count=600'))
    const cli = startCli(folder, args)
    await cli.says(/checkpoint \d/)
    cli.child.kill('SIGKILL')
    await cli.ended
    const result = await runCli(folder, args)
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(reportOf(result)).toMatchObject({
      status: 'FINISHED',
      recordsIn: 600,
      restoredFrom: expect.stringContaining('/manifests/'),
    })
    expect(sorted(committed(join(folder, 'out')))).toEqual(upTo(600))
  })

  it('a live one holds the job: a second submit exits 1 and names it', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const cli = startCli(folder, submit())
    await cli.says(/value 50\n/)
    const second = await runCli(folder, submit())
    cli.child.kill('SIGKILL')
    await cli.ended
    expect(second).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(new RegExp(`held by process ${cli.child.pid} .*\n  hint: `)),
    })
    expect(reportOf(second)).toMatchObject({ job: 'counting', status: 'FAILED', failure: { code: 'MILLRACE_HELD' } })
  })
})

describe('what a checkpoint does not fit', () => {
  it('other places are refused, and gone to with --job-id, --restore none or --restore PATH', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const cli = startCli(folder, submit())
    await cli.says(/value 50\n/)
    cli.child.kill('SIGTERM')
    const first = reportOf(await cli.ended)

    const other = await runCli(folder, submit(...param('output=other')))
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/sink "out" writes to .*other; .*\n.*hint: .*--job-id/),
    })
    const pinned = await runCli(folder, submit('--max-parallelism', '64'))
    expect(pinned).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--max-parallelism 64 differs from the checkpoint's 128/),
    })

    const forked = startCli(
      folder,
      submit('--job-id', 'fork', '--restore', '.millrace/counting', ...param('output=other')),
    )
    await forked.says(/value 150\n/)
    forked.child.kill('SIGTERM')
    const fork = reportOf(await forked.ended)
    expect(fork).toMatchObject({
      job: 'fork',
      status: 'SUSPENDED',
      restoredFrom: expect.stringContaining('/.millrace/counting/manifests/'),
    })
    const both = [...committed(join(folder, 'out')), ...committed(join(folder, 'other'))]
    expect(committed(join(folder, 'out'))).toHaveLength(first['recordsIn'] as number)
    expect(sorted(both)).toEqual(upTo(fork['recordsIn'] as number))

    const anew = await runCli(folder, submit('--restore', 'none', ...param('count=10', 'rate=1000', 'output=anew')))
    expect(reportOf(anew)).toMatchObject({ status: 'FINISHED', restoredFrom: null, recordsIn: 10 })
  })

  it('after it finished, a submit starts afresh', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const args = submit(...param('count=10', 'rate=1000'))
    await runCli(folder, args)
    expect(reportOf(await runCli(folder, args))).toMatchObject({
      status: 'FINISHED',
      restoredFrom: null,
      recordsIn: 10,
    })
  })
})

describe('failures', () => {
  it("of the user's code: exit 1, the first one, its operator, and the line of the .ts file", async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const line = countingJob.split('\n').findIndex((text) => text.includes("is bad')")) + 1
    const result = await runCli(
      folder,
      submit('--restart-attempts', '1', ...param('failAt=5', 'rate=10000', 'count=100')),
    )
    expect(result.code).toBe(1)
    const at = new RegExp(`^${folder}/job\\.ts:${line}:\\d+$`)
    expect(reportOf(result)).toMatchObject({
      status: 'FAILED',
      failure: {
        code: 'MILLRACE_USER',
        message: expect.stringContaining('value 5 is bad'),
        at: expect.stringMatching(at),
      },
    })
    expect(result.stderr).toMatch(
      new RegExp(`^runtime: MILLRACE_USER: operator ".*value 5 is bad \\(at ${folder}/job\\.ts:${line}:\\d+\\)$`, 'm'),
    )
  })

  it('that nobody caught on the main thread end the job as a fault, not in silence', async () => {
    const lost =
      "import { isMainThread } from 'node:worker_threads'\nif (isMainThread) setTimeout(() => Promise.reject(new Error('lost')), 600)"
    const folder = tempFolder({ 'job.ts': `${lost}\n${countingJob}` })
    const result = await runCli(folder, submit())
    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('MILLRACE_INTERNAL: an error that nobody caught: lost'),
    })
    expect(reportOf(result)).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_INTERNAL' } })
  })
})

it('secrets reach neither checkpoints nor logs', async () => {
  const folder = tempFolder({ 'job.ts': countingJob })
  const result = await runCli(
    folder,
    submit('--log-level', 'debug', ...param('token=hunter2', 'count=10', 'rate=1000')),
  )
  expect(result.code).toBe(0)
  expect(result.stdout + result.stderr).not.toContain('hunter2')
  const manifests = join(folder, '.millrace/counting/manifests')
  const texts = readdirSync(manifests).map((name) => readFileSync(join(manifests, name), 'utf8'))
  expect(texts.join('')).toContain('"rate": "1000"')
  expect(texts.join('')).not.toContain('hunter2')
})

it('--log-format json: every line of standard error is an object', async () => {
  const folder = tempFolder({ 'job.ts': countingJob })
  const result = await runCli(folder, submit('--log-format', 'json', ...param('count=10', 'rate=1000')))
  const lines = result.stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  expect(lines.at(-1)).toMatchObject({
    level: 'info',
    status: 'FINISHED',
    recordsIn: 10,
    checkpointUrl: join(folder, '.millrace/counting'),
  })
})

describe('a program that submits', () => {
  const runtime = new URL('../../dist/runtime/index.js', import.meta.url)

  it('gets the report and the lines, and can stop the job', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const { submitJob } = (await import(/* @vite-ignore */ runtime.href)) as typeof import('../../runtime/index.js')
    const stop = new AbortController()
    const lines: string[] = []
    const print = (line: string): void => {
      lines.push(line)
      if (line === 'value 50') stop.abort()
    }
    const job = join(folder, 'job.ts')
    const options = { checkpointDir: join(folder, 'checkpoints'), params: { output: join(folder, 'out') } }
    const report = await submitJob(job, { ...options, signal: stop.signal, events: { print } })
    expect(report).toMatchObject({ job: 'counting', status: 'SUSPENDED', failure: null })
    expect(lines.slice(0, 2)).toEqual(['value 0', 'value 50'])
    expect(await submitJob(job, { ...options, checkpointInterval: 'often' })).toMatchObject({
      status: 'REFUSED',
      failure: { code: 'MILLRACE_USAGE', message: '--checkpoint-interval often is not valid' },
    })
  })
})
