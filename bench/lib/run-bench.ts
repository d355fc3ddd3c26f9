import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { submitJob, type JobEvents } from 'millrace/runtime'
import type { BenchArguments } from './arguments.js'
import { CheckpointLog } from './checkpoint-log.js'
import { giveOrders, moment, openProbe, type ProbeOrders } from './probe.js'
import { Timeline, type Figures } from './timeline.js'

/** How long messages of threads that have ended may be on their way. */
const LAST_WORDS_MS = 2000

/** Runs one benchmark job on threads of this process; the figures of its line. Throws when the job does not finish. */
export async function runBench(args: BenchArguments, jobFolder: string, version: string): Promise<Figures> {
  const { job, records, parallelism } = args
  const timeline = new Timeline(records)
  const checkpoints = new CheckpointLog()
  const orders = ordersOf(args)
  giveOrders(orders)
  const probe = openProbe(orders.channel!, (message) => {
    timeline.hear(message)
    if (message.kind === 'failing') giveOrders({ ...orders, failedAt: message.index })
  })
  const events: Partial<JobEvents> = {
    ...report(args),
    started: ({ attempt }) => {
      timeline.begin(attempt, moment())
      if (attempt > 1) checkpoints.restored()
    },
    checkpoint: (checkpoint) => {
      checkpoints.add(checkpoint)
      probe.postMessage({ kind: 'checkpointed' })
    },
  }
  const folder = args.checkpointDir ?? mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    const { status, failure } = await submitJob(join(jobFolder, `${job}.ts`), { ...optionsOf(args, folder), events })
    if (status !== 'FINISHED') throw new Error(`the job ended as ${status}: ${failure?.message ?? 'no failure'}`)
    await until(() => timeline.writers === parallelism)
    return {
      engine: `millrace-${version}`,
      job,
      records,
      parallelism,
      backend: 'cache+leveldb',
      ...timeline.speed(),
      ...checkpoints.figures(),
      ...timeline.recovery(),
      ...checkpoints.restoredFigures(),
      peak_rss_mb: peakRssMb(),
      ...timeline.result(),
    }
  } finally {
    probe.close()
    if (args.checkpointDir === undefined) rmSync(folder, { recursive: true, force: true })
  }
}

function ordersOf({ failAfter, failBy, profile }: BenchArguments): ProbeOrders {
  return {
    channel: `millrace-bench-${process.pid}`,
    ...(failAfter === undefined ? {} : { failAfter, failBy }),
    ...(profile === undefined ? {} : { profile }),
  }
}

function optionsOf(args: BenchArguments, folder: string): Parameters<typeof submitJob>[1] {
  return {
    parallelism: args.parallelism,
    checkpointDir: folder,
    checkpointInterval: `${args.checkpointIntervalMs}ms`,
    restore: 'none',
    params: { records: String(args.records), ...(args.ttlMs === undefined ? {} : { ttl: String(args.ttlMs) }) },
    ...(args.memory === undefined ? {} : { memory: args.memory }),
  }
}

/** Progress, and what goes wrong, on standard error. */
function report({ records }: BenchArguments): Partial<JobEvents> {
  let shownMs = performance.now()
  return {
    print: console.error,
    warn: (uid, message) => console.error(`${uid}: ${message}`),
    checkpointFailed: ({ checkpointId, reason }) => console.error(`checkpoint ${checkpointId} failed: ${reason}`),
    failed: ({ error }) => console.error(`failed: ${error.message}`),
    progress: ({ counters }) => {
      if (performance.now() - shownMs < 1000) return
      shownMs = performance.now()
      const read = Object.values(counters).reduce((sum, { numRecordsIn = 0 }) => sum + numRecordsIn, 0)
      console.error(`${read} of ${records} records`)
    },
  }
}

async function until(told: () => boolean): Promise<void> {
  const deadline = performance.now() + LAST_WORDS_MS
  while (!told()) {
    if (performance.now() > deadline) throw new Error('a sink has not told its result')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** The most memory that the process ever held, MiB; -1 where the system does not say. */
function peakRssMb(): number {
  try {
    const kb = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return kb === undefined ? -1 : Math.round(Number(kb) / 1024)
  } catch {
    return -1
  }
}
