import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reportOf, runCli } from './run-cli.js'
import { countingJob } from './sample-jobs.js'
import { tempFolder } from './temp-folder.js'

interface Case {
  readonly files?: Readonly<Record<string, string>>
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly code: string
  readonly says: RegExp
}

const job = { 'job.ts': countingJob }
const submit = (...args: string[]): string[] => ['submit', 'job.ts', ...args]

const cases: Readonly<Record<string, Case>> = {
  'no verb': { args: [], code: 'MILLRACE_USAGE', says: /no verb given/ },
  'an unknown verb': { args: ['sumbit', 'job.ts'], code: 'MILLRACE_USAGE', says: /unknown verb "sumbit"/ },
  'no job file': { args: ['submit'], code: 'MILLRACE_USAGE', says: /missing argument/ },
  'two job files': { args: submit('b.ts'), code: 'MILLRACE_USAGE', says: /too many arguments/ },
  'an unknown option': {
    args: submit('--paralelism', '2'),
    code: 'MILLRACE_USAGE',
    says: /'--paralelism'\n.*--parallelism/,
  },
  'an option without its value': { args: submit('--job-id'), code: 'MILLRACE_USAGE', says: /--job-id/ },
  'an option out of bounds': {
    args: submit('--parallelism', '0'),
    code: 'MILLRACE_USAGE',
    says: /--parallelism 0.*\n.*from 1/,
  },
  'more threads than key groups': {
    files: job,
    args: submit('--parallelism', '5', '--max-parallelism', '4'),
    code: 'MILLRACE_USAGE',
    says: /parallelism 5 is above the maximum parallelism 4/,
  },
  'a bad environment variable': {
    args: submit(),
    env: { MILLRACE_MEMORY: 'lots' },
    code: 'MILLRACE_USAGE',
    says: /MILLRACE_MEMORY=lots/,
  },
  'a config file with a typing error': {
    files: { 'c.json': '{ "paralelism": 2 }' },
    args: submit('--config', 'c.json'),
    code: 'MILLRACE_USAGE',
    says: /config file c\.json: unknown option "paralelism"/,
  },
  'an unknown parameter': {
    files: job,
    args: submit('--param', 'rat=1'),
    code: 'MILLRACE_PARAM',
    says: /"rat"; did you mean rate/,
  },
  'a parameter that does not parse': {
    files: job,
    args: submit('--param', 'rate=fast'),
    code: 'MILLRACE_PARAM',
    says: /rate.*"fast"/,
  },
  'a missing job file': { args: ['submit', 'gone.ts'], code: 'MILLRACE_JOB_FILE', says: /gone\.ts does not exist/ },
  'a folder': { args: ['submit', '.'], code: 'MILLRACE_JOB_FILE', says: /is a folder/ },
  'a syntax error': {
    files: { 'job.ts': 'import { p } from "millrace"\nexport default defineJob({\n  name: }\n' },
    args: submit(),
    code: 'MILLRACE_JOB_FILE',
    says: /job\.ts:3:9: Unexpected "}"/,
  },
  'no default export': {
    files: { 'job.ts': 'export const a = 1' },
    args: submit(),
    code: 'MILLRACE_JOB_FILE',
    says: /no default export/,
  },
  'another default export': {
    files: { 'job.ts': 'export default {}' },
    args: submit(),
    code: 'MILLRACE_JOB_FILE',
    says: /not a job made by defineJob/,
  },
  'an import that leads nowhere': {
    files: { 'job.ts': "import 'lodahs'" },
    args: submit(),
    code: 'MILLRACE_JOB_FILE',
    says: /job\.ts:1:8: cannot find package "lodahs"/,
  },
  'a name millrace does not export': {
    files: { 'job.ts': "import { defineJobb } from 'millrace'\nexport default defineJobb({})" },
    args: submit(),
    code: 'MILLRACE_JOB_FILE',
    says: /millrace.* does not provide an export named 'defineJobb'/,
  },
  'a file that throws while it is imported': {
    files: { 'job.ts': "interface A { b: 1 }\n\nthrow new Error('no licence')\nexport default 1 as unknown as A" },
    args: submit(),
    code: 'MILLRACE_JOB_FILE',
    says: /no licence \(at \S+\/job\.ts:3:7\)/,
  },
  'a job whose name is no folder': {
    files: {
      'job.ts': "import { defineJob } from 'millrace'\nexport default defineJob({ name: '../up', build() {} })",
    },
    args: submit(),
    code: 'MILLRACE_USAGE',
    says: /"\.\.\/up" cannot be its id\n.*--job-id/,
  },
  'a checkpoint folder that is a file': {
    files: { ...job, 'a-file': '' },
    args: submit('--checkpoint-dir', 'a-file/x'),
    code: 'MILLRACE_STORAGE',
    says: /a-file/,
  },
  'a checkpoint URL of an unknown kind': {
    files: job,
    args: submit('--checkpoint-dir', 'gs://b/p'),
    code: 'MILLRACE_USAGE',
    says: /--checkpoint-dir gs:\/\/b\/p/,
  },
  'a checkpoint that is not there': {
    files: job,
    args: submit('--restore', 'nowhere'),
    code: 'MILLRACE_RESTORE',
    says: /no checkpoint at .*nowhere/,
  },
}

describe('is refused with one line and a hint, exit 2, and the object if asked for', () => {
  it.each(Object.entries(cases))('%s', async (_, { files = {}, args, env = {}, code, says }) => {
    const folder = tempFolder(files)
    const result = await runCli(folder, args, { ...env, MILLRACE_JSON: 'true' })
    expect(result.code, result.stderr).toBe(2)
    expect(result.stderr).toMatch(says)
    const lines = result.stderr.trimEnd().split('\n')
    expect(lines, result.stderr).toHaveLength(2)
    expect(lines[0]).toMatch(new RegExp(`^runtime: ${code}: `))
    expect(lines[1]).toMatch(/^ {2}hint: ./)
    expect(reportOf(result)).toMatchObject({ status: 'REFUSED', checkpoints: 0, restoredFrom: null, failure: { code } })
    expect(result.stdout.trimEnd().split('\n')).toHaveLength(1)
  })

  it.skipIf(process.getuid?.() === 0)('a checkpoint folder that cannot be written', async () => {
    const folder = tempFolder({ ...job, 'closed/file': '' })
    chmodSync(join(folder, 'closed'), 0o555)
    const result = await runCli(folder, submit('--checkpoint-dir', 'closed/checkpoints'))
    expect(result.code).toBe(2)
    expect(result.stderr).toMatch(/closed\/checkpoints: permission denied\n.*hint: make the folder writable/)
  })
})

it('help and version are no errors; help of a job lists its parameters, but no secret', async () => {
  const folder = tempFolder({ 'job.ts': countingJob.replace("p.string('').secret()", "p.string('hunter2').secret()") })
  const [program, job, version] = await Promise.all([
    runCli(folder, ['--help']),
    runCli(folder, submit('--help')),
    runCli(folder, ['--version']),
  ])
  expect(program).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('submit') })
  expect(job).toMatchObject({ code: 0, stderr: '' })
  expect(job.stdout).toMatch(/--checkpoint-interval <DURATION>/)
  expect(job.stdout).toMatch(/^ {2}rate=<integer> +records a second \(default: 200\)$/m)
  expect(job.stdout).toMatch(/^ {2}token=<string> +\(default: \*\*\*\)$/m)
  expect(job.stdout).not.toContain('hunter2')
  expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
})
