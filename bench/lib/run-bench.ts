import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchArguments } from './arguments.js'
import { CheckpointLog } from './checkpoint-log.js'
import { submit } from './engine.js'
import { giveOrders, moment, openProbe, type ProbeOrders } from './probe.js'
import { Timeline, type Figures } from './timeline.js'

/** A restored checkpoint's successor may be long in coming; what the slots tell is not. */
const LAST_WORDS_MS = 2000

/** Runs one benchmark job on threads of this process; the figures of its line. */
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
  const folder = args.checkpointDir ?? mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  let restoredBytes: number | undefined
  try {
    const result = await submit({
      jobFile: join(jobFolder, `${job}.ts`),
      options: optionsOf(args, folder),
      params: { records: String(records), ...(args.ttlMs === undefined ? {} : { ttl: String(args.ttlMs) }) },
      submitting: () => timeline.submit(moment()),
      restarted: () => (restoredBytes = checkpoints.latest?.stateBytes),
      checkpoint: (checkpoint) => {
        checkpoints.add(checkpoint)
        probe.postMessage({ kind: 'checkpointed' })
      },
    })
    if (result.status !== 'FINISHED') throw new Error(`the job ended as ${result.status}: ${result.reason}`)
    await untilTold(() => timeline.writers === parallelism)
    return {
      engine: `millrace-${version}`,
      job,
      records,
      parallelism,
      backend: 'cache+leveldb',
      ...timeline.speed(),
      ...checkpoints.figures(),
      ...timeline.recovery(),
      ...(restoredBytes === undefined ? {} : { restored_checkpoint_bytes: restoredBytes }),
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

function optionsOf(args: BenchArguments, folder: string): Record<string, string> {
  return {
    parallelism: String(args.parallelism),
    'checkpoint-dir': folder,
    'checkpoint-interval': `${args.checkpointIntervalMs}ms`,
    restore: 'none',
    ...(args.memory === undefined ? {} : { memory: args.memory }),
  }
}

/** Messages of threads that have ended are on their way for a moment. */
async function untilTold(told: () => boolean): Promise<void> {
  const deadline = performance.now() + LAST_WORDS_MS
  while (!told()) {
    if (performance.now() > deadline) throw new Error('a sink has not told its result')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function peakRssMb(): number {
  const line = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return line === null ? -1 : Math.round(Number(line[1]) / 1024)
}
