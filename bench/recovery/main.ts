// `npm run bench:recovery`: what checkpoints and recovery cost, beside Flink if it is there. See ../README.md.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { chartOf } from './chart.js'
import { flinkRun, type FlinkFigures } from './flink.js'
import { killRun } from './kill-run.js'
import { liveRun, type LiveFigures, type RunRequest } from './live-run.js'
import { tableOf, type Measured } from './table.js'

const run = promisify(execFile)
/** Long enough for all keys to be there before the first checkpoint on two cores. */
const INTERVAL_MS_PER_MILLION = 4000
/** Of the keys, new between the two checkpoints. */
const CHANGED_SHARE = 0.01

/** Prints a table; returns the exit code. `root`: the project's folder. */
export async function main(args: readonly string[], root: string): Promise<number> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      keys: { ...text, default: '2500000,10000000' },
      repeats: { ...text, default: '10' },
      parallelism: { ...text, default: '2' },
      memory: { ...text, default: '4GB' },
      interval: text,
      flink: text,
      'flink-repeats': { ...text, default: '3' },
      one: text,
    },
  })
  if (values.one !== undefined) {
    // A pipe's buffer takes less than such a line, and the process ends right after.
    const figures = JSON.stringify(await liveRun(JSON.parse(values.one) as RunRequest))
    await new Promise((resolve) => process.stdout.write(`${figures}\n`, resolve))
    return 0
  }
  const measured: Measured[] = []
  for (const keys of values.keys.split(',').map(Number)) {
    const intervalMs =
      values.interval === undefined ? Math.max(5000, (keys / 1e6) * INTERVAL_MS_PER_MILLION) : Number(values.interval)
    const request = {
      jobFile: join(root, 'bench', 'recovery', 'job.ts'),
      keys,
      changed: Math.round(keys * CHANGED_SHARE),
      parallelism: Number(values.parallelism),
      memory: values.memory,
      intervalMs,
    }
    const live: LiveFigures[] = []
    const killed: number[] = []
    const flink: FlinkFigures[] = []
    for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
      await attempt(`${keys} keys, run ${repeat + 1}`, async (folder) =>
        live.push(await inProcess({ ...request, folder }, root)),
      )
      await attempt(`${keys} keys, kill ${repeat + 1}`, async (folder) =>
        killed.push((await killRun({ ...request, folder }, root)).outputMs),
      )
      if (values.flink === undefined || repeat >= Number(values['flink-repeats'])) continue
      const directory = values.flink
      await attempt(`${keys} keys, Flink ${repeat + 1}`, async (folder) =>
        flink.push(await flinkRun(directory, { ...request, folder })),
      )
    }
    measured.push({ keys, live, killed, flink })
  }
  console.log(tableOf(measured))
  const results = join(root, 'bench', 'results')
  mkdirSync(results, { recursive: true })
  writeFileSync(join(results, 'recovery.json'), `${JSON.stringify(measured)}\n`)
  writeFileSync(join(results, 'recovery.svg'), chartOf(measured))
  const wanted = 2 * Number(values.repeats)
  return measured.every(({ live, killed }) => live.length + killed.length === wanted) ? 0 : 1
}

/** In a folder of its own. A run that goes wrong is told of and leaves no figures. */
async function attempt(name: string, figures: (folder: string) => Promise<unknown>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-recovery-'))
  console.error(name)
  try {
    await figures(folder)
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** In a process of its own, so that no run has another's heap. */
async function inProcess(request: RunRequest, root: string): Promise<LiveFigures> {
  const start = join(root, 'bench', 'recovery', 'start.mjs')
  const { stdout } = await run(process.execPath, [start, '--one', JSON.stringify(request)], { maxBuffer: 2 ** 26 })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as LiveFigures
}
