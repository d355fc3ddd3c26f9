import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

// Each build starts a compiler: about a second, several on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const repository = fileURLToPath(new URL('../..', import.meta.url))
const buildScript = new URL('../../config/tooling/build.mjs', import.meta.url).href
const program = `import { buildIfStale } from '${buildScript}'; process.exitCode = await buildIfStale(process.argv[1])`

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-build-'))
  mkdirSync(join(root, 'runtime/cli'), { recursive: true })
  write('package.json', '{ "type": "module" }')
  write(
    'tsconfig.base.json',
    '{ "compilerOptions": { "module": "NodeNext", "target": "ES2022", "lib": ["ES2023"], "types": [] } }',
  )
  write('tsconfig.build.json', readFileSync(join(repository, 'tsconfig.build.json'), 'utf8'))
  write('runtime/cli/main.ts', 'export const answer: number = 42')
  write('runtime/cli/other.ts', 'export const other: number = 1')
  mkdirSync(join(root, 'node_modules'))
  symlinkSync(join(repository, 'node_modules/typescript'), join(root, 'node_modules/typescript'))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

function write(path: string, content: string): void {
  writeFileSync(join(root, path), content)
}

function build(): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, ['--input-type=module', '-e', program, root], { encoding: 'utf8' })
}

function built(path: string): string {
  return readFileSync(join(root, 'dist/runtime/cli', path), 'utf8')
}

function inodeOf(path: string): number {
  return statSync(join(root, 'dist/runtime/cli', path)).ino
}

it('an edit replaces what it changes, a removed source takes its output along, the rest of dist stays the same file', () => {
  write('runtime/cli/removed.ts', 'export const removed: number = 1')
  expect(build().status).toBe(0)
  const [main, other] = [inodeOf('main.js'), inodeOf('other.js')]

  write('runtime/cli/main.ts', 'export const answer: number = 43')
  rmSync(join(root, 'runtime/cli/removed.ts'))
  expect(build().status).toBe(0)

  expect(built('main.js')).toContain('43')
  expect(inodeOf('main.js')).not.toBe(main)
  expect(inodeOf('other.js')).toBe(other)
  expect(existsSync(join(root, 'dist/runtime/cli/removed.js'))).toBe(false)
})

it('nothing is compiled while the sources are those that dist was built from', () => {
  expect(build().status).toBe(0)
  rmSync(join(root, 'node_modules/typescript'))
  expect(build()).toMatchObject({ status: 0, stderr: '' })
  write('runtime/cli/main.ts', 'export const answer: number = 43')
  expect(build()).toMatchObject({ status: 0, stderr: expect.stringContaining('dist stays as it is') as string })
})

it('a source that does not compile leaves dist as it was', () => {
  expect(build().status).toBe(0)
  write('runtime/cli/main.ts', "export const answer: number = 'no number'")
  const failed = build()
  expect(failed.status).not.toBe(0)
  expect(failed.stderr).toContain('runtime/cli/main.ts(1,14): error TS2322')
  expect(built('main.js')).toContain('42')
})

it('outputs that vanished from the staging folder are compiled again', () => {
  expect(build().status).toBe(0)
  rmSync(join(root, '.build/runtime'), { recursive: true })
  rmSync(join(root, 'dist'), { recursive: true })
  expect(build().status).toBe(0)
  expect(built('other.js')).toContain('other = 1')
})

it('two builds at once both end with a whole dist, a dead process does not block them', async () => {
  const dead = spawnSync(process.execPath, ['-e', ''])
  write('.build.lock', String(dead.pid))
  const codes = await Promise.all(
    [1, 2].map(
      () =>
        new Promise((resolve) => {
          spawn(process.execPath, ['--input-type=module', '-e', program, root]).on('close', resolve)
        }),
    ),
  )
  expect(codes).toEqual([0, 0])
  expect(built('main.js')).toContain('42')
  expect(existsSync(join(root, '.build.lock'))).toBe(false)
})
