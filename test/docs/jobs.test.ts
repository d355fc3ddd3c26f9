import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { blocksOf, readPages, repository, type Block } from './pages.js'

// Each starts a process, some threads and a bundler: a second or two, many on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const pages = readPages()
const snippets = blocksOf(pages, 'ts')
const jobs = snippets.filter(({ code }) => code.includes('export default defineJob'))
const tests = snippets.filter(({ note }) => note === 'test')

describe('jobs in the documentation run', () => {
  it('there are some', () => {
    expect(jobs.length).toBeGreaterThanOrEqual(2)
    expect(tests.length).toBeGreaterThanOrEqual(1)
  })

  it.each(jobs)('$place finishes and writes what the page says', async (job) => {
    const folder = userFolder()
    for (const [name, content] of shownFiles(job)) writeFileSync(join(folder, name), content)
    const [verb, ...parameters] = job.note.split(' ')
    expect(verb).toBe('run')

    const file = save(folder, job)
    const program = join(repository, 'bin/runtime.mjs')
    const { code, stdout, stderr } = await run(folder, [
      program,
      'submit',
      file,
      '--json',
      '--log-level',
      'warn',
      ...parameters,
    ])

    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ status: 'FINISHED', failure: null })
    for (const { note, code: lines } of pageOf(job).blocks) {
      const output = /^output (\S+)$/.exec(note)?.[1]
      if (output !== undefined) expect(linesIn(join(folder, output))).toEqual(lines.split('\n').sort())
    }
  })

  it.each(tests)('the test at $place passes', async (test) => {
    const folder = userFolder()
    save(folder, test)
    const { code, stdout } = await run(folder, [
      join(repository, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--root',
      folder,
    ])
    expect(code, stdout).toBe(0)
  })
})

/** A folder as a user has one: outside of the repository, with packages installed. */
function userFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-docs-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  for (const name of ['zod', 'vitest'])
    symlinkSync(join(repository, 'node_modules', name), join(folder, 'node_modules', name))
  symlinkSync(repository, join(folder, 'node_modules/millrace'))
  return folder
}

/** Under the name in its first line. Returns the name, without folders. */
function save(folder: string, { code, place }: Block): string {
  const name = /^\/\/ (?:\S+\/)?(\S+\.ts)$/m.exec(code)?.[1]
  if (name === undefined) throw new Error(`${place}: its first line does not name the file`)
  writeFileSync(join(folder, name), code)
  return name
}

function pageOf({ place }: Block) {
  return pages.find(({ path }) => place.startsWith(`${path}:`))!
}

/** The files that the page's shell blocks write. */
function shownFiles(block: Block): [string, string][] {
  const shell = blocksOf([pageOf(block)], 'sh').map(({ code }) => code)
  return [...shell.join('\n').matchAll(/^cat > (\S+) <<'END'\n([^]*?)^END$/gm)].map((match) => [match[1]!, match[2]!])
}

function linesIn(folder: string): string[] {
  const parts = readdirSync(folder).filter((name) => !/^[._]/.test(name))
  return parts.flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n')).sort()
}

function run(folder: string, args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, NO_COLOR: '1' } })
    const output = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
    child.on('error', reject).on('close', (code) => resolve({ code, ...output }))
  })
}
