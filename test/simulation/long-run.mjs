// A long run of the simulator over all scenarios, and a table of what was injected.
//   node test/simulation/long-run.mjs [--seeds 1000] [--seed-base 1] [--threads 2]
import { build } from 'esbuild'
import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const outfile = join(root, '.cache/simulation-long-run.mjs')
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    'seed-base': { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
  },
})
const threads = Number(values.threads)

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
const each = String(Math.ceil(Number(values.seeds) / threads))
const runs = await Promise.all(
  Array.from({ length: threads }, async (_, number) => {
    const args = ['--enable-source-maps', outfile, each, values['seed-base'], values.threads, String(number)]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: 2 ** 26 })
    return JSON.parse(stdout.trim().split('\n').at(-1))
  }),
)
const seconds = (performance.now() - began) / 1000
const seeds = runs.reduce((sum, run) => sum + run.seeds, 0)
const faults = {}
for (const run of runs) {
  for (const [name, count] of Object.entries(run.faults ?? {})) faults[name] = (faults[name] ?? 0) + count
}
const width = Math.max(0, ...Object.keys(faults).map((name) => name.length))
console.log('injected faults:')
for (const name of Object.keys(faults).sort())
  console.log(`  ${name.padEnd(width)}  ${String(faults[name]).padStart(7)}`)
console.log(
  `${seeds} seeds from ${values['seed-base']} in ${seconds.toFixed(1)} s, ${(seeds / seconds).toFixed(1)} a second`,
)
const failed = runs.filter(({ problem }) => problem !== undefined)
for (const { scenario, seed, problem } of failed) console.log(`FAILED: ${scenario}, seed ${seed}: ${problem}`)
if (failed.length === 0) console.log('none failed')
process.exitCode = failed.length === 0 ? 0 : 1
