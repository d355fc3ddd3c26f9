// State many times as large as --memory: every key is met twice and must remember a long text. Prints what the process holds meanwhile.
//   node test/large-state/large-state.mjs [--state 10GB] [--memory 512MB] [--parallelism 2] [--folder DIR]
import { spawn } from 'node:child_process'
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Of a key's text, about. */
const TEXT_BYTES = 4096
const LOOK_EVERY_MS = 1000

/**
 * Runs the job to its end and compares its output. Rejects where that is not what it must be.
 *
 * @param {{ state: string, memory: string, parallelism?: number, folder?: string, log?: (line: string) => void }} options
 * @returns {Promise<{ keys: number, peakRssMb: number, seconds: number, checkpoints: number }>}
 */
export async function runLargeState({ state, memory, parallelism = 2, folder = tmpdir(), log = () => {} }) {
  const cwd = mkdtempSync(join(folder, 'millrace-large-state-'))
  const keys = Math.ceil(parseBytes(state) / TEXT_BYTES)
  const repeats = Math.ceil(TEXT_BYTES / (String(keys).length + 1))
  const params = { keys, passes: 2, repeats, output: 'out' }
  const began = performance.now()
  try {
    const child = spawn(
      process.execPath,
      [
        join(root, 'bin/runtime.mjs'),
        'submit',
        join(root, 'test/chaos/jobs/large-state.ts'),
        ...['--memory', memory, '--parallelism', String(parallelism), '--checkpoint-interval', '5s', '--json'],
        ...Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`]),
      ],
      { cwd, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let [printed, said] = ['', '']
    child.stdout.on('data', (text) => (printed += text))
    child.stderr.on('data', (text) => (said += text))
    let peakRssMb = 0
    const look = setInterval(() => {
      const seconds = Math.round((performance.now() - began) / 1000)
      log(`${seconds} s  ${memoryOf(child.pid, 'VmRSS')} MB  ${said.trimEnd().split('\n').at(-1)}`)
      peakRssMb = Math.max(peakRssMb, memoryOf(child.pid, 'VmHWM'))
    }, LOOK_EVERY_MS)
    const code = await new Promise((resolve) => child.on('close', resolve))
    clearInterval(look)
    if (code !== 0) throw new Error(`the job ended with exit code ${code}:\n${said}`)
    const report = JSON.parse(printed.trim().split('\n').at(-1))
    await check(join(cwd, 'out'), keys)
    const seconds = Math.round((performance.now() - began) / 1000)
    return { keys, peakRssMb, seconds, checkpoints: report.checkpoints }
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

/** Of `10GB` or `320MB`. */
function parseBytes(size) {
  const [, number, unit] = /^(\d+)(MB|GB)$/.exec(size) ?? []
  if (number === undefined) throw new Error(`${size}: a size in MB or GB is needed`)
  return Number(number) * 2 ** (unit === 'GB' ? 30 : 20)
}

/** Every key came out once, with all that it had to remember. */
async function check(folder, keys) {
  const seen = new Uint8Array(keys)
  for (const name of readdirSync(folder, { recursive: true })) {
    if (/(^|\/)[._]/.test(name) || !name.endsWith('.jsonl')) continue
    for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
      const { key, times, whole } = JSON.parse(line)
      if (times !== 2 || whole !== true) throw new Error(`wrong: ${line}`)
      seen[key]++
    }
  }
  const wrong = seen.findIndex((times) => times !== 1)
  if (wrong >= 0) throw new Error(`key ${wrong} came out ${seen[wrong]} times`)
}

/** Mebibytes; 0 where the system does not say. */
function memoryOf(pid, field) {
  try {
    const kb = new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Math.round(Number(kb ?? 0) / 1024)
  } catch {
    return 0
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = { type: 'string' }
  const { values } = parseArgs({
    options: {
      state: { ...text, default: '10GB' },
      memory: { ...text, default: '512MB' },
      parallelism: { ...text, default: '2' },
      folder: { ...text, default: tmpdir() },
    },
  })
  const { buildIfStale } = await import('../../config/tooling/build.mjs')
  process.exitCode = await buildIfStale(root)
  if (process.exitCode === 0) {
    const figures = await runLargeState({ ...values, parallelism: Number(values.parallelism), log: console.log })
    console.log(JSON.stringify({ state: values.state, memory: values.memory, ...figures }))
  }
}
