// The whole process is killed right after a checkpoint that holds all keys, and the job submitted again at once, as a supervisor would.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeEntry } from '../../runtime/checkpoint/manifest-codec.js'
import type { RunRequest } from './live-run.js'
import { environmentOf, monotonicMs } from './orders.js'

const LOOK_EVERY_MS = 2

/** Milliseconds from the kill to the first output of the job submitted again; with it, how long the dead process took to be gone. */
export async function killRun(request: RunRequest, root: string): Promise<{ outputMs: number; goneMs: number }> {
  const checkpoints = join(request.folder, 'checkpoints')
  const output = join(request.folder, 'output')
  const first = submit(request, root, { recovering: false, output })
  await until(first, () => recordsIn(checkpoints) >= request.keys)
  const killedMs = monotonicMs()
  first.kill('SIGKILL')
  await exited(first)
  const goneMs = monotonicMs() - killedMs
  const before = recordsIn(checkpoints)
  const second = submit(request, root, { recovering: true, output })
  let printed = ''
  second.stdout!.on('data', (text: Buffer) => (printed += text.toString()))
  await until(second, () => existsSync(output) && readFileSync(output, 'utf8').includes('\n'))
  second.kill('SIGTERM')
  await exited(second)
  const report = JSON.parse(printed.trim().split('\n').at(-1) ?? '{}') as {
    status?: string
    recordsIn: number
    recordsOut: number
  }
  // Since the kill every record was a new key.
  const expected = request.keys + report.recordsIn - before
  if (report.status !== 'SUSPENDED' || report.recordsOut !== expected)
    throw new Error(`the resubmitted job ended as ${report.status} with ${report.recordsOut} keys, not ${expected}`)
  const outputs = readFileSync(output, 'utf8').trim().split('\n').map(Number)
  return { outputMs: Math.min(...outputs) - killedMs, goneMs }
}

function submit(request: RunRequest, root: string, orders: { recovering: boolean; output: string }): ChildProcess {
  const options = {
    'job-id': 'bench-recovery',
    parallelism: request.parallelism,
    memory: request.memory,
    'checkpoint-dir': join(request.folder, 'checkpoints'),
    'checkpoint-interval': `${request.intervalMs}ms`,
  }
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const params = ['--param', `keys=${request.keys}`, '--param', 'changed=0', '--json', '--log-level', 'error']
  return spawn(process.execPath, [join(root, 'bin', 'runtime.mjs'), 'submit', request.jobFile, ...flags, ...params], {
    cwd: request.folder,
    env: { ...process.env, ...environmentOf(orders) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** What the sources had read by the newest checkpoint; 0 without one. */
function recordsIn(checkpoints: string): number {
  const folder = join(checkpoints, 'manifests')
  if (!existsSync(folder)) return 0
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .at(-1)
  if (newest === undefined) return 0
  const entry = decodeEntry(readFileSync(join(folder, newest)), newest)
  return entry.kind === 'checkpoint' ? (entry.counters['orders']?.['numRecordsIn'] ?? 0) : 0
}

async function until(process: ChildProcess, condition: () => boolean): Promise<void> {
  while (!condition()) {
    if (process.exitCode !== null) throw new Error(`the job ended with exit code ${process.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

function exited(child: ChildProcess): Promise<unknown> {
  return child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', resolve))
}
