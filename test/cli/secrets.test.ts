import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { awsEnv } from '../services/emulators/aws-env.js'
import { reportOf, runCli, startCli } from './run-cli.js'
import { type ScriptedSecrets, startScriptedSecrets } from './scripted-secrets.js'
import { tempFolder } from './temp-folder.js'

/**
 * Prints a line every tenth of a second as long as the secret is the right one: with any other it fails, and tells the value. Its output
 * folder has the secret in its name.
 */
const lockedJob = `
import { defineJob, noWatermarks, p } from 'millrace'
import { datagen } from 'millrace/connectors/datagen'
import { consoleSink } from 'millrace/connectors/console'
import { fileSink } from 'millrace/connectors/file'

export default defineJob({
  name: 'locked',
  checkpointInterval: '100ms',
  params: { password: p.string(), right: p.string('right-password'), count: p.integer(40) },
  build(env, { password, right, count }) {
    const opened = env
      .fromSource(datagen<number>({ generate: (n) => n, ratePerSecond: 20, count }), { uid: 'in', watermarks: noWatermarks() })
      .map((n) => {
        if (password !== right) throw new Error('cannot open with ' + password)
        return 'opened ' + n
      })
    opened.sinkTo(consoleSink(), { uid: 'console' })
    opened.sinkTo(fileSink({ directory: 'out-' + right }), { uid: 'out' })
  },
})
`

let manager: ScriptedSecrets
beforeEach(async () => {
  manager = await startScriptedSecrets()
})
afterEach(() => manager.stop())

const env = () => awsEnv({ secrets_manager: manager })
const secret = (password: string) => manager.secrets.set('vault', JSON.stringify({ password, right: 'right-password' }))
const submit = (...args: string[]) => [
  'submit',
  'job.ts',
  '--json',
  '--param',
  'password=secret:vault#password',
  ...args,
]

/** Every file under a folder, as text. */
function everything(folder: string): string {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .map((path) => (statSync(path).isDirectory() ? everything(path) : readFileSync(path, 'latin1')))
    .join('\n')
}

describe('a job whose parameter is a secret', () => {
  it('gets its value; checkpoints keep its name alone, and nothing that is said shows it', async () => {
    secret('right-password')
    const folder = tempFolder({ 'job.ts': lockedJob })
    const result = await runCli(folder, submit('--param', 'count=10', '--parallelism', '2'), env())
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(reportOf(result)).toMatchObject({ status: 'FINISHED', recordsIn: 10 })
    const kept = everything(join(folder, '.millrace', 'locked'))
    expect(kept).toContain('secret:vault#password')
    expect(kept).not.toContain('right-password')
    expect(kept).toContain('out-***')
    expect(readdirSync(folder)).toContain('out-right-password')
    expect(result.stderr).not.toContain('right-password')
  })

  it('fails, and the message has *** in its place', async () => {
    secret('wrong-password')
    const folder = tempFolder({ 'job.ts': lockedJob })
    const result = await runCli(folder, submit('--restart-attempts', '1'), env())
    expect(result.code).toBe(1)
    expect(reportOf(result)).toMatchObject({
      status: 'FAILED',
      failure: { code: 'MILLRACE_USER', message: expect.stringContaining('cannot open with ***') },
    })
    expect(result.stdout + result.stderr).not.toContain('wrong-password')
    expect(result.stderr).toContain('cannot open with ***')
  })

  it('that is renewed while it runs is read again when it restarts', async () => {
    secret('wrong-password')
    const folder = tempFolder({ 'job.ts': lockedJob })
    const cli = startCli(folder, submit('--param', 'count=10', '--parallelism', '2'), env())
    await cli.says(/cannot open/)
    secret('right-password')
    const result = await cli.ended
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(reportOf(result)).toMatchObject({ status: 'FINISHED', recordsOut: 20 })
    expect(result.stderr).not.toMatch(/wrong-password|right-password/)
  })

  it('that does not exist is refused before anything runs', async () => {
    const folder = tempFolder({ 'job.ts': lockedJob })
    const result = await runCli(folder, submit(), env())
    expect(result.code).toBe(2)
    expect(reportOf(result)).toMatchObject({
      status: 'REFUSED',
      failure: {
        code: 'MILLRACE_PARAM',
        message: 'secret "vault" of parameter password: does not exist in region us-east-1',
      },
    })
  })
})

describe('property groups', () => {
  const job = `
import { defineJob, noWatermarks, p, sinkFor } from 'millrace'
import { datagen } from 'millrace/connectors/datagen'

export default defineJob({
  name: 'grouped',
  params: {
    output: p.sink().fromGroup('Environment', 'file:{folder}').describe('where to'),
    word: p.string('none').fromGroup('Environment', '{word}'),
  },
  build(env, { output, word }) {
    env
      .fromSource(datagen({ generate: () => 0, count: 1 }), { uid: 'in', watermarks: noWatermarks() })
      .map(() => word)
      .sinkTo(sinkFor(output), { uid: 'out' })
  },
})
`
  const groups = JSON.stringify([
    { PropertyGroupId: 'Environment', PropertyMap: { folder: 'grouped', word: 'from the group' } },
  ])
  const lines = (folder: string) =>
    readdirSync(folder)
      .filter((name) => !/^[._]/.test(name))
      .map((name) => readFileSync(join(folder, name), 'utf8').trim())

  it('of the config file give a job its parameters; the environment wins over them, and --param over that', async () => {
    const folder = tempFolder({ 'job.ts': job, 'grouped.json': groups })
    const run = (args: string[], variables: Record<string, string> = {}) =>
      runCli(folder, ['submit', 'job.ts', '--config', 'grouped.json', ...args], variables)
    expect(await run([])).toMatchObject({ code: 0 })
    expect(lines(join(folder, 'grouped'))).toEqual(['from the group'])
    expect(await run([], { MILLRACE_PARAM: 'output=file:second' })).toMatchObject({ code: 0 })
    expect(lines(join(folder, 'second'))).toEqual(['from the group'])
    const third = await run(['--param', 'output=file:third'], { MILLRACE_PARAM: 'output=file:second\nword=set' })
    expect(third, third.stderr).toMatchObject({ code: 0 })
    expect(lines(join(folder, 'third'))).toEqual(['set'])
  })

  it('that the job does not know are refused, naming the file', async () => {
    const folder = tempFolder({ 'job.ts': job, 'grouped.json': groups.replace('Environment', 'Enviroment') })
    const result = await runCli(folder, ['submit', 'job.ts', '--config', 'grouped.json'])
    expect(result.code).toBe(2)
    expect(result.stderr).toContain('config file grouped.json: property group "Enviroment" is unknown to job grouped')
  })

  it('are shown where a parameter may come from one', async () => {
    const folder = tempFolder({ 'job.ts': job })
    const { stdout } = await runCli(folder, ['submit', 'job.ts', '--help'])
    expect(stdout).toContain('output=<sink>  where to (required) (property group Environment: file:{folder})')
  })
})
