import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { reportOf, runCli } from './run-cli.js'
import { tempFolder } from './temp-folder.js'

const bin = fileURLToPath(new URL('../../bin/runtime.mjs', import.meta.url))

/** A job of numbers, with one function of the reader's choice gone wrong. */
const numbers = (options: { readonly time?: string; readonly key?: string; readonly count?: number }): string => `
import { boundedOutOfOrderness, count, defineJob, tumbling } from 'millrace'
import { datagen } from 'millrace/connectors/datagen'
import { consoleSink } from 'millrace/connectors/console'

export default defineJob({
  name: 'numbers',
  params: {},
  build(env) {
    env
      .fromSource(datagen<number>({ count: ${options.count ?? 2000}, generate: (n) => n }), {
        uid: 'numbers',
        timestamp: (n) => ${options.time ?? 'n'},
        watermarks: boundedOutOfOrderness('1s'),
      })
      .keyBy((n): string => ${options.key ?? 'String(n)'})
      .window(tumbling('1s'))
      .aggregate(count())
      .uid('counts')
      .sinkTo(consoleSink(), { uid: 'console' })
  },
})
`

const submit = ['submit', 'job.ts', '--json', '--restart-attempts', '0']

describe('runtime submit', () => {
  it.each([
    ['calls process.exit(0)', 'process.exit(0)'],
    ['waits for what never comes', 'await new Promise(() => {})\nexport default 1'],
  ])('refuses a job file that %s while it is loaded', async (_what, text) => {
    const result = await runCli(tempFolder({ 'job.ts': text }), submit)
    expect(result.code).toBe(2)
    expect(reportOf(result)).toMatchObject({ status: 'REFUSED', failure: { code: 'MILLRACE_JOB_FILE' } })
    expect(result.stderr).toContain('hint:')
  })

  it('names operator and line of a key function that fails', async () => {
    const key = "n === 700 ? (() => { throw new Error('no key') })() : String(n)"
    const result = await runCli(tempFolder({ 'job.ts': numbers({ key }) }), submit)
    expect(result.code).toBe(1)
    expect(reportOf(result)).toMatchObject({
      status: 'FAILED',
      failure: {
        code: 'MILLRACE_USER',
        message: expect.stringContaining('"counts"') as string,
        at: expect.stringMatching(/job\.ts:\d+:\d+$/) as string,
      },
    })
  })

  it('refuses an event time that is no finite number, instead of waiting for ever', async () => {
    const result = await runCli(tempFolder({ 'job.ts': numbers({ time: 'n === 700 ? Infinity : n' }) }), submit)
    expect(result.code).toBe(1)
    expect(reportOf(result)).toMatchObject({ failure: { message: expect.stringContaining('Infinity') as string } })
  })

  it.runIf(existsSync('/dev/full'))('fails, and keeps no checkpoint, when standard output is full', async () => {
    const folder = tempFolder({ 'job.ts': numbers({}) })
    const command = `"${process.execPath}" "${bin}" submit job.ts > /dev/full`
    const failed = promisify(execFile)('sh', ['-c', command], { cwd: folder })
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('MILLRACE_OUTPUT') as string,
    })
  })
})
