// A long run of the simulator over all scenarios, and a table of what was injected.
//   node test/simulation/long-run.mjs [--seeds 1000 | --seconds 600] [--seed-base 1] [--threads 2] [--only SCENARIO] [--twice] [--trace] [--json]
import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const outfile = join(root, '.cache/simulation-long-run.mjs')
const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seconds: { type: 'string' },
    'seed-base': { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
    twice: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const wanted = values.seeds ?? (values.seconds === undefined ? '1000' : 'Infinity')
const threads = Math.min(Number(values.threads), Number(wanted))

await build({
  entryPoints: [join(root, 'test/simulation/hunt.ts')],
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  outfile,
  logLevel: 'error',
  sourcemap: 'inline',
})
const began = performance.now()
const runs = await Promise.all(Array.from({ length: threads }, (_, number) => hunt(number)))
const seconds = (performance.now() - began) / 1000
const seeds = runs.reduce((sum, run) => sum + run.seeds, 0)
const faults = {}
for (const run of runs) {
  for (const [name, count] of Object.entries(run.faults ?? {})) faults[name] = (faults[name] ?? 0) + count
}
const failed = runs.filter(({ problem }) => problem !== undefined)
if (values.json) console.log(JSON.stringify({ seeds, seedBase: Number(values['seed-base']), seconds, faults, failed }))
else print()
process.exitCode = failed.length === 0 ? 0 : 1

function hunt(number) {
  const seedsOfIt = wanted === 'Infinity' ? wanted : String(Math.ceil(Number(wanted) / threads))
  const args = ['--seeds', seedsOfIt, '--seconds', values.seconds ?? 'Infinity', '--seed-base', values['seed-base']]
  args.push('--processes', String(threads), '--number', String(number), '--only', values.only)
  if (values.twice) args.push('--twice')
  if (values.trace) args.push('--trace')
  const child = spawn(process.execPath, ['--enable-source-maps', outfile, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    let rest = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        if (line.startsWith('{"seeds"')) resolve(JSON.parse(line))
        else console.log(line)
      }
    })
    child.on('close', (code) => reject(new Error(`a hunting process ended with ${code}`)))
  })
}

function print() {
  const width = Math.max(0, ...Object.keys(faults).map((name) => name.length))
  console.log('injected faults:')
  for (const name of Object.keys(faults).sort()) {
    console.log(`  ${name.padEnd(width)}  ${String(faults[name]).padStart(7)}`)
  }
  const rate = (seeds / seconds).toFixed(1)
  console.log(`${seeds} seeds from ${values['seed-base']} in ${seconds.toFixed(1)} s, ${rate} a second`)
  for (const { scenario, seed, problem } of failed) {
    console.log(`FAILED: ${scenario}, seed ${seed}: ${problem}`)
    console.log(`replay: node test/simulation/long-run.mjs --only ${scenario} --seeds 1 --seed-base ${seed} --trace`)
  }
  if (failed.length === 0) console.log('none failed')
}
