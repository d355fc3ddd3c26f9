import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const imports = "import { beforeAll, describe, expect, it } from 'vitest'\n"

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-summary-'))
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Runs the project's test runner on the given test files; returns its exit code and last line. */
function runTests(files: Record<string, string>): { code: number | null; lastLine: string | undefined } {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), imports + content)
  const args = [join(repository, 'config/tooling/run-vitest.mjs'), '--root', folder]
  const run = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return { code: run.status, lastLine: run.stdout.trimEnd().split('\n').at(-1) }
}

it('the last line counts tests, and as failed also hooks, files that do not load and stray rejections', () => {
  const result = runTests({
    'good.test.js': "it('a', () => {}); it('b', () => expect(1).toBe(2)); it.skip('c', () => {})",
    'hook.test.js': "describe('x', () => { beforeAll(() => { throw new Error('hook') }); it('d', () => {}) })",
    'load.test.js': "import './missing.js'",
    'stray.test.js': "it('e', () => { void Promise.reject(new Error('stray')) })",
  })
  expect(result).toEqual({ code: 1, lastLine: '2 passed, 4 failed, 2 skipped' })
})

it('a test process that is killed counts as failed', () => {
  expect(runTests({ 'die.test.js': "it('a', () => { process.kill(process.pid, 'SIGKILL') })" })).toEqual({
    code: 1,
    lastLine: '0 passed, 1 failed',
  })
})

it('passing tests end with exit code 0', () => {
  expect(runTests({ 'good.test.js': "it('a', () => {})" })).toEqual({ code: 0, lastLine: '1 passed, 0 failed' })
})
