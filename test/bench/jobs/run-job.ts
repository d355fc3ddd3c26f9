import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobDefinition } from 'millrace'
import { runInProcess } from 'millrace/testing'
import { giveOrders, moment, openProbe, type ProbeOrders } from '../../../bench/lib/probe.js'
import { Timeline } from '../../../bench/lib/timeline.js'
import { RECORDS } from './expected.js'

/** How a run ended and what it came to. */
export interface BenchRun {
  readonly status: string
  /** The record a failure struck at. */
  readonly failedAt: number | undefined
  readonly result_count: string | number | undefined
  readonly result_checksum: string | number | undefined
}

/** Runs a benchmark job on this thread, with a failure after a checkpoint that holds record `failAfter`. */
export async function runBenchJob(job: JobDefinition, parallelism: number, failAfter?: number): Promise<BenchRun> {
  const timeline = new Timeline(RECORDS)
  const channel = `bench-test-${process.pid}-${job.name}-${parallelism}-${failAfter}`
  const orders: ProbeOrders = { channel, ...(failAfter === undefined ? {} : { failAfter, failBy: 'throw' }) }
  giveOrders(orders)
  let heard = (): void => {}
  const probe = openProbe(channel, (message) => {
    timeline.hear(message)
    if (message.kind === 'failing') giveOrders({ ...orders, failedAt: message.index })
    heard()
  })
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-test-'))
  try {
    const { status } = await runInProcess(job, {
      parallelism,
      params: { records: String(RECORDS) },
      checkpointDirectory: folder,
      checkpointIntervalMs: failAfter === undefined ? 0 : 5,
      restartAttempts: 1,
      events: {
        started: ({ attempt }) => timeline.begin(attempt, moment()),
        checkpoint: () => probe.postMessage({ kind: 'checkpointed' }),
      },
    })
    while (status === 'FINISHED' && timeline.writers < parallelism)
      await new Promise<void>((resolve) => (heard = resolve))
    return { status, failedAt: timeline.failed?.index, ...timeline.result() } as unknown as BenchRun
  } finally {
    probe.close()
    await rm(folder, { recursive: true, force: true })
  }
}
