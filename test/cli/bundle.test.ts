import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, symlinkSync, utimesSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { bundleJob, type Bundle } from '../../runtime/cli/bundle.js'
import { userPlace } from '../../runtime/cli/user-place.js'
import { tempFolder, writeFiles } from './temp-folder.js'

const NOW = Date.UTC(2030, 0, 1)

function bundle(jobFile: string, own: Readonly<Record<string, string>> = {}): Promise<Bundle> {
  return bundleJob(jobFile, { nowMs: () => NOW, resolveOwn: (specifier) => own[specifier] })
}

/** What the bundle's default export is in a Node of its own, or what it threw. */
function run({ url }: Bundle): { value?: unknown; stack?: string } {
  const program = `import(${JSON.stringify(url)}).then(
    async (m) => console.log(JSON.stringify({ value: await m.default })),
    (e) => console.log(JSON.stringify({ stack: e.stack })))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--enable-source-maps', '-e', program], { encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as { value?: unknown; stack?: string }
}

describe('where the bundle lies', () => {
  it('beside the nearest package.json', async () => {
    const folder = tempFolder({ 'package.json': '{}', 'jobs/deep/job.ts': 'export default 1' })
    const { url } = await bundle(join(folder, 'jobs/deep/job.ts'))
    expect(dirname(fileURLToPath(url))).toBe(join(folder, '.millrace/.bundles'))
    expect(readFileSync(join(folder, '.millrace/.gitignore'), 'utf8')).toBe('*\n')
  })

  it('beside the job file where there is no package', async () => {
    const folder = tempFolder({ 'job.ts': 'export default 1' })
    const { url } = await bundle(join(folder, 'job.ts'))
    expect(dirname(fileURLToPath(url))).toBe(join(folder, '.millrace/.bundles'))
  })

  it('the name follows the content, so that submits at once share a file or do not meet', async () => {
    const folder = tempFolder({ 'job.ts': 'export default 1' })
    const [a, b] = await Promise.all([bundle(join(folder, 'job.ts')), bundle(join(folder, 'job.ts'))])
    writeFiles(folder, { 'job.ts': 'export default 2' })
    const c = await bundle(join(folder, 'job.ts'))
    expect(a.url).toBe(b.url)
    expect(c.url).not.toBe(a.url)
    expect([run(a).value, run(c).value]).toEqual([1, 2])
  })

  it('bundles that nobody started from for a day are removed, younger ones and other files stay', async () => {
    const folder = tempFolder({ 'job.ts': 'export default 1', '.millrace/windTurbine/manifests/1.json': '' })
    const bundles = join(folder, '.millrace/.bundles')
    writeFiles(bundles, { 'old.mjs': '', 'young.mjs': '' })
    utimesSync(join(bundles, 'old.mjs'), NOW / 1000 - 90_000, NOW / 1000 - 90_000)
    utimesSync(join(bundles, 'young.mjs'), NOW / 1000 - 80_000, NOW / 1000 - 80_000)
    await bundle(join(folder, 'job.ts'))
    expect(readdirSync(bundles).sort()).toEqual([expect.stringMatching(/^job-/), 'young.mjs'])
    expect(existsSync(join(folder, '.millrace/windTurbine/manifests/1.json'))).toBe(true)
  })

  it('a bundle that was removed under a running job comes back for its next attempt', async () => {
    const folder = tempFolder({ 'job.ts': 'export default 1' })
    const made = await bundle(join(folder, 'job.ts'))
    rmSync(join(folder, '.millrace'), { recursive: true })
    made.ensure()
    expect(run(made).value).toBe(1)
  })
})

describe('imports', () => {
  it('millrace and its entries are those of the running copy, whatever lies in node_modules', async () => {
    const folder = tempFolder({
      'own/index.mjs': "export const who = 'running copy'",
      'own/file.mjs': "export const what = 'its connector'",
      'job/package.json': '{}',
      'job/node_modules/millrace/package.json': '{ "main": "x.js" }',
      'job/node_modules/millrace/x.js': "exports.who = 'another copy'",
      'job/job.ts':
        "import { who } from 'millrace'\nimport { what } from 'millrace/connectors/file'\nexport default [who, what]",
    })
    const made = await bundle(join(folder, 'job/job.ts'), {
      millrace: pathToFileURL(join(folder, 'own/index.mjs')).href,
      'millrace/connectors/file': pathToFileURL(join(folder, 'own/file.mjs')).href,
    })
    expect(run(made).value).toEqual(['running copy', 'its connector'])
  })

  it('a package built on millrace gets the running copy too', async () => {
    const folder = tempFolder({
      'own/index.mjs': "export const who = 'running copy'",
      'job/package.json': '{}',
      'job/node_modules/extra/package.json':
        '{ "type": "module", "main": "x.js", "peerDependencies": { "millrace": "*" } }',
      'job/node_modules/extra/x.js': "export { who } from 'millrace'",
      'job/job.ts': "import { who } from 'extra'\nexport default who",
    })
    const own = { millrace: pathToFileURL(join(folder, 'own/index.mjs')).href }
    expect(run(await bundle(join(folder, 'job/job.ts'), own)).value).toBe('running copy')
  })

  it('CommonJS packages and CommonJS files beside the job are left to Node', async () => {
    const folder = tempFolder({
      'package.json': '{}',
      'node_modules/old/package.json': '{ "main": "main.js" }',
      'node_modules/old/main.js': "const path = require('path'); module.exports = { base: path.basename(__dirname) }",
      'legacy.cjs': 'exports.name = __filename',
      'plain.js': "exports.joined = require('path').join('a', 'b')",
      'job.ts': `import old from 'old'
import { name } from './legacy.cjs'
import { joined } from './plain.js'
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
export default [old.base, name, joined, require('old').base]`,
    })
    const { value } = run(await bundle(join(folder, 'job.ts')))
    expect(value).toEqual(['old', join(folder, 'legacy.cjs'), 'a/b', 'old'])
  })

  it('a package that Node would not find from the bundle is imported by its file', async () => {
    const folder = tempFolder({
      'app/package.json': '{ "type": "module" }',
      'app/job.ts': "export { default } from '../shared/lib.js'",
      'shared/lib.ts': "import { who } from 'dep'\nexport default who",
      'shared/node_modules/dep/package.json': '{ "type": "module", "exports": "./x.js" }',
      'shared/node_modules/dep/x.js': "export const who = 'dep of shared'",
    })
    expect(run(await bundle(join(folder, 'app/job.ts'))).value).toBe('dep of shared')
  })

  it('a workspace package in TypeScript is bundled', async () => {
    const folder = tempFolder({
      'app/package.json': '{}',
      'app/job.ts': "import { twice } from '@org/lib'\nexport default twice(21)",
      'lib/package.json': '{ "name": "@org/lib", "exports": "./index.ts" }',
      'lib/index.ts': 'export const twice = (n: number): number => 2 * n',
    })
    mkdirSync(join(folder, 'app/node_modules/@org'), { recursive: true })
    symlinkSync(join(folder, 'lib'), join(folder, 'app/node_modules/@org/lib'))
    expect(run(await bundle(join(folder, 'app/job.ts'))).value).toBe(42)
  })

  it('JSON, and files found by import.meta, are those beside their source, in bundled modules too', async () => {
    const folder = tempFolder({
      'package.json': '{}',
      'jobs/job.ts': `import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import list from './data/list.json' with { type: 'json' }
import { where } from '../lib/where.js'
const { filename } = import.meta
export default [list, readFileSync(new URL('data/x.txt', import.meta.url), 'utf8'),
  readFileSync(join(import.meta.dirname, 'data/x.txt'), 'utf8'), filename, where, import.meta.resolve('./a b.txt')]`,
      'jobs/data/list.json': '[1, 2]',
      'jobs/data/x.txt': 'text',
      'lib/where.ts': 'export const where: string = import.meta.url // no line end after this',
    })
    const { value } = run(await bundle(join(folder, 'jobs/job.ts')))
    const url = (path: string): string => pathToFileURL(join(folder, path)).href
    expect(value).toEqual([
      [1, 2],
      'text',
      'text',
      join(folder, 'jobs/job.ts'),
      url('lib/where.ts'),
      url('jobs/a b.txt'),
    ])
  })

  it('an optional package may be missing when it is imported while the job runs', async () => {
    const folder = tempFolder({ 'job.ts': "export default import('not-there').catch(() => 'without')" })
    expect(run(await bundle(join(folder, 'job.ts'))).value).toBe('without')
  })
})

describe('what is wrong with a job file', () => {
  const table: [string, Record<string, string>, RegExp, number | undefined][] = [
    [
      'a syntax error',
      { 'job.ts': 'const a = 1\n\n  const b = }\n' },
      /job\.ts:3:13: Unexpected "}" in: const b = }$/,
      3,
    ],
    [
      'one in a file it imports',
      { 'job.ts': "import './b.js'", 'b.ts': 'let 1' },
      /b\.ts:1:5: Expected ";" but found "1"/,
      1,
    ],
    [
      'a path that leads nowhere',
      { 'job.ts': "import { x } from './gone.js'\nx()" },
      /job\.ts:1:19: Could not resolve ".\/gone.js"/,
      1,
    ],
    ['a package that is not installed', { 'job.ts': "import x from 'lodahs'\nx()" }, /cannot find package "lodahs"/, 1],
    [
      'an entry millrace does not have',
      { 'job.ts': "import 'millrace/conectors'" },
      /millrace has no entry "millrace\/conectors"/,
      1,
    ],
    [
      'a file that is no code',
      { 'job.ts': "import './a.xyz'", 'a.xyz': '' },
      /No loader is configured for ".xyz" files/,
      1,
    ],
  ]
  it.each(table)('%s is one line with the place, and a hint', async (_, files, message, line) => {
    const folder = tempFolder(files)
    const error = await bundle(join(folder, 'job.ts')).catch((e: unknown) => e)
    expect(error).toMatchObject({
      code: 'MILLRACE_JOB_FILE',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    })
    expect((error as Error).message).not.toContain('\n')
    expect((error as { at?: string }).at).toMatch(new RegExp(`^${folder}/(job|b)\\.ts:${line}:\\d+$`))
  })

  it('a missing file and a folder are told apart', async () => {
    const folder = tempFolder()
    await expect(bundle(join(folder, 'job.ts'))).rejects.toThrow(/job\.ts does not exist/)
    await expect(bundle(folder)).rejects.toThrow(/is a folder/)
  })
})

it("what is thrown while the job is imported has the line of the user's file", async () => {
  const folder = tempFolder({
    'job.ts':
      "import { check } from './check.js'\n\ninterface Unused {\n  a: number\n}\ncheck(import.meta.url)\nexport default 1\n",
    'check.ts': "export function check(url: string): void {\n  if (url !== '') throw new Error('thrown')\n}\n",
  })
  const made = await bundle(join(folder, 'job.ts'))
  const error = Object.assign(new Error(), { stack: run(made).stack })
  expect(userPlace(error, made.sources)).toBe(`${join(folder, 'check.ts')}:2:25`)
  expect(error.stack).toContain(`${join(folder, 'job.ts')}:6:1`)
})
