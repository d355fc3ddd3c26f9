import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reportOf, runCli, startCli, type RunningCli } from './run-cli.js'
import { countingJob } from './sample-jobs.js'
import { tempFolder } from './temp-folder.js'

const ENDLESS = ['--param', 'rate=2000', '--param', 'printEvery=500', '--json']

interface Announcement {
  readonly port: number
  readonly token: string
}

function project(): string {
  return tempFolder({ 'package.json': '{ "type": "module" }', 'job.ts': countingJob })
}

async function submitted(cwd: string): Promise<RunningCli> {
  const run = startCli(cwd, ['submit', 'job.ts', ...ENDLESS])
  await run.says(/value 500/)
  return run
}

/** Every value of the output, in order. */
function written(cwd: string, output = 'out'): number[] {
  return readdirSync(join(cwd, output), { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(cwd, output, name)).isFile() && !name.split('/').some((part) => /^[._]/.test(part)))
    .flatMap((name) => readFileSync(join(cwd, output, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map(Number)
    .sort((a, b) => a - b)
}

function expectGapless(values: readonly number[], atLeast: number): void {
  expect(values.length).toBeGreaterThanOrEqual(atLeast)
  expect(values.findIndex((value, i) => value !== i)).toBe(-1)
}

function announcement(cwd: string): { readonly path: string; readonly entry: Announcement } {
  const folder = join(cwd, '.millrace/.running')
  const path = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.json'))!,
  )
  return { path, entry: JSON.parse(readFileSync(path, 'utf8')) as Announcement }
}

function get({ port }: Announcement, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/v1/status', headers }, (response) => {
      response.resume()
      resolve(response.statusCode!)
    })
      .on('error', reject)
      .end()
  })
}

/** The next submit goes on, and what has been written by its end is each value once. */
async function goOn(cwd: string): Promise<void> {
  const run = startCli(cwd, ['submit', 'job.ts', ...ENDLESS, '--parallelism', '2'])
  await run.says(/value \d/)
  run.child.kill('SIGTERM')
  const report = reportOf(await run.ended)
  expect(report).toMatchObject({ status: 'SUSPENDED' })
  expect(report['restoredFrom']).not.toBeNull()
  expectGapless(written(cwd), 500)
  expect(written(cwd)).toHaveLength(report['recordsIn'] as number)
}

describe('verbs for a running job', () => {
  it('show it, rescale it and stop it', async () => {
    const cwd = project()
    const run = await submitted(cwd)
    const listed = await runCli(cwd, ['list', '--json'])
    expect(JSON.parse(listed.stdout)).toMatchObject([{ job: 'counting', state: 'running', pid: run.child.pid }])
    const below = join(cwd, 'a/b')
    mkdirSync(below, { recursive: true })
    const status = await runCli(below, ['status', 'counting', '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({
      job: 'counting',
      state: 'running',
      parallelism: 1,
      failures: 0,
      firstFailure: null,
    })
    expect(await runCli(cwd, ['rescale', 'counting', '--parallelism', '3'])).toMatchObject({ code: 0 })
    const after = JSON.parse((await runCli(cwd, ['status', 'counting', '--json'])).stdout) as { parallelism: number }
    expect(after).toMatchObject({ parallelism: 3, attempt: 2, state: 'running' })
    const refused = await runCli(cwd, ['rescale', 'counting', '--parallelism', '129'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(/maximum parallelism 128/)
    const checkpoints = JSON.parse((await runCli(cwd, ['checkpoints', 'counting', '--json'])).stdout) as {
      recent: { reason: string; path: string }[]
    }
    expect(checkpoints.recent.map(({ reason }) => reason)).toContain('rescale')
    expect(existsSync(checkpoints.recent.at(-1)!.path)).toBe(true)
    const stopped = await runCli(cwd, ['stop', 'counting', 'kept', '--json'])
    const savepoint = JSON.parse(stopped.stdout) as { path: string }
    expect(savepoint.path.startsWith(join(cwd, 'kept/savepoint-counting-'))).toBe(true)
    expect(reportOf(await run.ended)).toMatchObject({ status: 'SUSPENDED' })
    expect((await runCli(cwd, ['list'])).stdout).toBe('no job runs here\n')
    await goOn(cwd)
  }, 60_000)

  it('drain it: it has finished, and the next submit starts afresh', async () => {
    const cwd = project()
    const run = await submitted(cwd)
    expect(await runCli(cwd, ['stop', 'counting', '--drain'])).toMatchObject({ code: 0 })
    expect(reportOf(await run.ended)).toMatchObject({ status: 'FINISHED' })
    expectGapless(written(cwd), 500)
    const next = await runCli(cwd, ['submit', 'job.ts', ...ENDLESS, '--param', 'count=10', '--param', 'output=other'])
    expect(reportOf(next)).toMatchObject({ status: 'FINISHED', restoredFrom: null, recordsIn: 10 })
  }, 60_000)

  it('cancel it: exit 3, nothing unpublished stays, and the next submit goes on', async () => {
    const cwd = project()
    const run = await submitted(cwd)
    expect(await runCli(cwd, ['cancel', 'counting'])).toMatchObject({ code: 0, stdout: 'counting is canceled\n' })
    const result = await run.ended
    expect(result.code).toBe(3)
    expect(reportOf(result)).toMatchObject({ status: 'CANCELED', failure: null })
    await goOn(cwd)
  }, 60_000)

  it('say in one line that it does not run', async () => {
    const cwd = project()
    const result = await runCli(cwd, ['status', 'nothing', '--json'])
    expect(result.code).toBe(1)
    expect(result.stderr).toMatch(/^runtime: MILLRACE_CONTROL: job "nothing" does not run\n {2}hint: /)
    expect(JSON.parse(result.stdout)).toMatchObject({ error: { code: 'MILLRACE_CONTROL' } })
    expect(await runCli(cwd, ['rescale', 'nothing'])).toMatchObject({ code: 2 })
    expect(await runCli(cwd, ['stop', 'nothing', '--sudden'])).toMatchObject({ code: 2 })
  })

  it('show its failures, the first on top, in the state it restarted in', async () => {
    const cwd = project()
    const run = startCli(cwd, ['submit', 'job.ts', ...ENDLESS, '--param', 'failOnceAt=700'])
    await run.says(/value 1000/)
    const shown = await runCli(cwd, ['exceptions', 'counting', '--json'])
    expect(JSON.parse(shown.stdout)).toMatchObject({
      total: 1,
      first: {
        attempt: 1,
        code: 'MILLRACE_USER',
        message: expect.stringMatching(/value 700 is bad once$/) as string,
        restartInMs: 50,
      },
    })
    expect(await runCli(cwd, ['cancel', 'counting'])).toMatchObject({ code: 0 })
    expect((await run.ended).code).toBe(3)
  })
})

describe('the way to a running job', () => {
  it('is open to whoever has the token, which only its user can read', async () => {
    const cwd = project()
    const run = await submitted(cwd)
    const { path, entry } = announcement(cwd)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(cwd, '.millrace/.running')).mode & 0o777).toBe(0o700)
    expect(await get(entry, {})).toBe(401)
    expect(await get(entry, { authorization: `Bearer ${entry.token}x` })).toBe(401)
    expect(await get(entry, { authorization: `Bearer ${entry.token}` })).toBe(200)
    writeFileSync(path, '{ "jobId": ')
    const damaged = await runCli(cwd, ['status', 'counting'])
    expect(damaged.code).toBe(1)
    expect(damaged.stderr).toMatch(/the token of job "counting" cannot be read: its file is damaged/)
    run.child.kill('SIGTERM')
    expect(reportOf(await run.ended)).toMatchObject({ status: 'SUSPENDED' })
  })

  it('cannot be opened: one warning, and the job runs', async () => {
    const cwd = project()
    mkdirSync(join(cwd, '.millrace'))
    writeFileSync(join(cwd, '.millrace/.running'), 'in the way')
    const result = await runCli(cwd, ['submit', 'job.ts', ...ENDLESS, '--param', 'count=100'])
    expect(reportOf(result)).toMatchObject({ status: 'FINISHED' })
    expect(result.stderr.match(/cannot be reached while it runs/g)).toHaveLength(1)
  })

  it('is closed by a kill: what the process left is not taken for a running job', async () => {
    const cwd = project()
    const run = await submitted(cwd)
    run.child.kill('SIGKILL')
    await run.ended
    expect((await runCli(cwd, ['list'])).stdout).toBe('no job runs here\n')
    expect(readdirSync(join(cwd, '.millrace/.running'))).toEqual([])
  })
})

describe('a savepoint', () => {
  it('is gone on from after it was moved and the checkpoints were deleted', async () => {
    const cwd = project()
    const run = await submitted(cwd)
    const taken = JSON.parse((await runCli(cwd, ['savepoint', 'counting', 'kept', '--json'])).stdout) as {
      path: string
    }
    run.child.kill('SIGKILL')
    await run.ended
    renameSync(taken.path, join(cwd, 'moved'))
    rmSync(join(cwd, '.millrace'), { recursive: true })
    const again = startCli(cwd, [
      ...['submit', 'job.ts', ...ENDLESS, '--restore', 'moved', '--job-id', 'again'],
      ...['--param', 'output=again'],
    ])
    await again.says(/value \d/)
    again.child.kill('SIGTERM')
    const report = reportOf(await again.ended)
    expect(report).toMatchObject({ status: 'SUSPENDED' })
    expect(report['restoredFrom']).toBe(join(cwd, 'moved/manifests/000000000001.json'))
    const values = written(cwd, 'again')
    expect(values[0]).toBeGreaterThan(0)
    expect(values.at(-1)! - values[0]! + 1).toBe(values.length)
    expect(values.at(-1)! + 1).toBe(report['recordsIn'])
    expect(existsSync(join(cwd, 'moved/manifests/000000000001.json'))).toBe(true)
  }, 60_000)
})

describe('a savepoint that is claimed', () => {
  it('is deleted when the job has a checkpoint of its own; one that is no savepoint is refused', async () => {
    const cwd = project()
    const run = await submitted(cwd)
    const stopped = await runCli(cwd, ['stop', 'counting', 'kept', '--json'])
    await run.ended
    const { path } = JSON.parse(stopped.stdout) as { path: string }
    const args = [
      'submit',
      'job.ts',
      ...ENDLESS,
      '--job-id',
      'again',
      '--param',
      'output=again',
      '--claim-mode',
      'claim',
    ]
    const refused = await runCli(cwd, [...args, '--restore', '.millrace/counting'])
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/takes over a savepoint, and .*counting is none/)
    expect((await runCli(cwd, args)).code).toBe(2)
    const again = startCli(cwd, [...args, '--restore', path])
    await again.says(/value \d/)
    again.child.kill('SIGTERM')
    expect(reportOf(await again.ended)).toMatchObject({ status: 'SUSPENDED' })
    expect(existsSync(join(path, 'manifests/000000000001.json'))).toBe(false)
  }, 60_000)
})

describe('a process that is killed', () => {
  for (const [what, args] of [
    ['while it is rescaled', ['rescale', 'counting', '--parallelism', '4']],
    ['while a savepoint is taken', ['savepoint', 'counting']],
    ['while it is stopped', ['stop', 'counting']],
    ['while it is drained', ['stop', 'counting', '--drain']],
  ] as const) {
    it.each([0, 80])(
      `${what} loses nothing and repeats nothing (%i ms in)`,
      async (ms) => {
        const cwd = project()
        const run = await submitted(cwd)
        const verb = startCli(cwd, args)
        const { entry } = announcement(cwd)
        // The verb's own start takes most of its time: killed when the job has been told, and a little later.
        for (let before = ''; before === ''; before = await stateOf(entry)) await new Promise(setImmediate)
        await new Promise((resolve) => setTimeout(resolve, ms))
        run.child.kill('SIGKILL')
        await run.ended
        const told = await verb.ended
        if (told.code !== 0) expect(told.stderr).toMatch(/^runtime: MILLRACE_CONTROL: /)
        if (what === 'while it is drained' && (await isFinished(cwd))) return
        await goOn(cwd)
      },
      60_000,
    )
  }
})

/** Empty while nobody has told the job anything. */
async function stateOf({ port, token }: Announcement): Promise<string> {
  const text = await new Promise<string>((resolve) => {
    request(
      { host: '127.0.0.1', port, path: '/v1/status', headers: { authorization: `Bearer ${token}` } },
      (answer) => {
        let said = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
        answer.on('end', () => resolve(said))
        answer.on('error', () => resolve('gone'))
      },
    )
      .on('error', () => resolve('gone'))
      .end()
  })
  if (text === 'gone') return text
  const { state, attempt, lastCheckpoint } = JSON.parse(text) as {
    state: string
    attempt: number
    lastCheckpoint: { reason: string } | null
  }
  return state !== 'running' || attempt > 1 || lastCheckpoint?.reason === 'savepoint' ? state : ''
}

/** Drained to its end before the kill: what it has written is all there is. */
async function isFinished(cwd: string): Promise<boolean> {
  const manifests = readdirSync(join(cwd, '.millrace/counting/manifests')).sort()
  const last = readFileSync(join(cwd, '.millrace/counting/manifests', manifests.at(-1)!), 'utf8')
  if (!last.includes('"final": true')) return false
  // Unless it has let the job go, nobody knows yet: the next submit publishes what is left, and says so.
  if (!readFileSync(join(cwd, '.millrace/counting/holder.json'), 'utf8').includes('"ended"')) {
    const next = await runCli(cwd, ['submit', 'job.ts', ...ENDLESS])
    expect(reportOf(next)).toMatchObject({ status: 'FINISHED' })
  }
  expectGapless(written(cwd), 500)
  return true
}
