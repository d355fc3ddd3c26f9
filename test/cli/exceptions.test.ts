import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reportOf, runCli, startCli } from './run-cli.js'
import { countingJob } from './sample-jobs.js'
import { tempFolder } from './temp-folder.js'

const param = (...pairs: string[]): string[] => pairs.flatMap((pair) => ['--param', pair])
const FAILING = ['submit', 'job.ts', '--json', '--restart-attempts', '1', ...param('failAt=5', 'rate=10000', 'count=9')]

describe('runtime exceptions', () => {
  it('of a job that has failed for good shows its failures, the first on top, and no secret', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const failed = await runCli(folder, [...FAILING, ...param('token=value 5 is bad')])
    expect(reportOf(failed)).toMatchObject({ status: 'FAILED' })
    const shown = await runCli(folder, ['exceptions', 'counting', '--json'])
    expect(shown, shown.stderr).toMatchObject({ code: 0 })
    const view = reportOf(shown)
    const common = { kind: 'user code', code: 'MILLRACE_USER', uid: 'map-1', epoch: 1 }
    expect(view).toMatchObject({
      job: 'counting',
      total: 2,
      first: { ...common, attempt: 1, restartInMs: 50 },
      recent: [{ attempt: 1 }, { ...common, attempt: 2, restartInMs: null }],
    })
    expect(JSON.stringify(view)).toContain('Error: ***')
    expect(JSON.stringify(view)).not.toContain('value 5 is bad')

    const again = await runCli(folder, FAILING)
    expect(reportOf(again)).toMatchObject({ status: 'FAILED' })
    const text = await runCli(folder, ['exceptions', 'counting'])
    expect(text.stdout).toMatch(
      /^counting: 4 failures; the first since the last checkpoint:\n .* attempt 1 \[user code\]/,
    )
    const elsewhere = join(folder, '.millrace/counting')
    const byPlace = await runCli(tempFolder({}), ['exceptions', 'counting', '--checkpoint-dir', elsewhere, '--json'])
    expect(reportOf(byPlace)).toMatchObject({ total: 4 })
  })

  it('of a job that never was is refused', async () => {
    const result = await runCli(tempFolder({}), ['exceptions', 'nobody'])
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('job "nobody" does not run') as string })
  })
})

describe('--cleanup-checkpoints', () => {
  const COUNTING = ['submit', 'job.ts', '--json', ...param('rate=10000')]
  const left = (folder: string): string[] =>
    readdirSync(join(folder, '.millrace/counting'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort()

  it('finished: leaves no checkpoint of a job that has finished, and its next run is a new one', async () => {
    const folder = tempFolder({ 'job.ts': countingJob })
    for (const run of [1, 2]) {
      const done = await runCli(folder, [
        ...COUNTING,
        '--cleanup-checkpoints',
        'finished',
        ...param('count=300', `output=out${run}`),
      ])
      expect(reportOf(done)).toMatchObject({ status: 'FINISHED', recordsIn: 300, restoredFrom: null })
      expect(left(folder).filter((name) => name.endsWith('.seg'))).toEqual([])
      // Two epoch records of each run: it begins, it is forgotten.
      expect(left(folder).filter((name) => /^\d+\.json$/.test(name))).toHaveLength(2 * run)
    }
  })

  it.each([
    ['finished', true],
    ['ended', false],
  ])('%s: a job that is canceled goes on from its last checkpoint: %s', async (when, goesOn) => {
    const folder = tempFolder({ 'job.ts': countingJob })
    const run = startCli(folder, [...COUNTING, '--cleanup-checkpoints', when, '--checkpoint-interval', '50ms'])
    await run.says(/value 5000\b/)
    expect(await runCli(folder, ['cancel', 'counting'])).toMatchObject({ code: 0 })
    expect(await run.ended).toMatchObject({ code: 3 })
    const next = startCli(folder, COUNTING)
    await next.says(/value \d*00\b/)
    next.child.kill('SIGTERM')
    const { restoredFrom } = reportOf(await next.ended)
    if (goesOn) expect(restoredFrom).toContain('manifests/')
    else expect(restoredFrom).toBe(null)
  })
})
