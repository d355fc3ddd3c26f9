// A hundred kills of real processes and threads, half with checkpoints in a folder, half in S3 (moto, installed by npm run test:services), and a
// table of them.
//   npm run test:kills -- [--kills 100] [--seed 1]
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildIfStale } from '../../config/tooling/build.mjs'
import { whyMissing } from '../../config/tooling/services.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { values } = parseArgs({
  options: { kills: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
})
const missing = whyMissing('moto')
if (missing !== undefined) console.error(`all with checkpoints in a folder: ${missing}`)
const inFolder = missing === undefined ? Math.ceil(Number(values.kills) / 2) : Number(values.kills)
const runs = [
  { storage: 'folder', kills: inFolder, test: 'test/kills/kills.test.ts', services: '' },
  { storage: 'S3', kills: Number(values.kills) - inFolder, test: 'test/services/kills-s3.test.ts', services: '1' },
].filter(({ kills }) => kills > 0)

process.exitCode = await buildIfStale(root)
if (process.exitCode === 0) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-kills-'))
  const counts = []
  for (const { storage, kills, test, services } of runs) {
    const path = join(folder, `${storage}.json`)
    const variables = { MILLRACE_KILLS: kills, MILLRACE_KILLS_COUNTS: path, MILLRACE_SEED: values.seed }
    const code = await vitest(test, { ...process.env, ...variables, MILLRACE_SERVICES: services })
    if (code !== 0) process.exitCode = 1
    counts.push(existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {})
  }
  rmSync(folder, { recursive: true })
  printTable(counts)
}

function vitest(test, env) {
  const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', test], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  return new Promise((resolve) => child.on('close', resolve))
}

function printTable(counts) {
  const names = [...new Set(counts.flatMap((of) => Object.keys(of)))]
  const row = (name, cells) => console.log(`| ${name} | ${cells.join(' | ')} |`)
  row(
    'killed',
    runs.map(({ storage }) => `checkpoints in ${storage === 'S3' ? 'S3' : 'a folder'}`),
  )
  console.log(`|---|${runs.map(() => '---').join('|')}|`)
  for (const name of names)
    row(
      name,
      counts.map((of) => of[name] ?? 0),
    )
  row(
    'all',
    counts.map((of) => Object.values(of).reduce((a, b) => a + b, 0)),
  )
}
