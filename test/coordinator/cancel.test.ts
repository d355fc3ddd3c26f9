import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineJob } from '../../operators/index.js'
import { MillraceError } from '../../runtime/contract/errors.js'
import type { Sink, SinkCommitter } from '../../runtime/contract/sink.js'
import { DEFAULT_CHECKPOINTING } from '../../runtime/coordinator/checkpoint-rules.js'
import { DEFAULT_EXPONENTIAL } from '../../runtime/coordinator/exponential-restarts.js'
import { JobCoordinator } from '../../runtime/coordinator/job-coordinator.js'
import { silentEvents } from '../../runtime/coordinator/silent-events.js'
import { planJob } from '../../runtime/plan/plan.js'
import { LocalStorage } from '../../runtime/storage/local-storage.js'
import { collectSink, controlledSource } from '../../runtime/testing/index.js'
import { InProcessSlots } from '../../runtime/testing/in-process-slots.js'
import { systemClock } from '../../runtime/worker/system-clock.js'
import { identity } from '../checkpoint/manifests.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-cancel-'))
})
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))

/** Loses checkpoints on their way: they may still come. */
class DoubtfulStorage extends LocalStorage {
  doubtful = false

  override createExclusive(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    if (this.doubtful) return Promise.reject(new MillraceError('MILLRACE_STORAGE', 'no answer'))
    return super.createExclusive(path, bytes)
  }
}

/** A job that copies numbers; `recovered` counts how often its sink was told to clear away. */
function copying(commit?: SinkCommitter<number>['commit']) {
  const storage = new DoubtfulStorage(folder)
  const recovered: boolean[] = []
  const out = collectSink<number>().sink as unknown as Sink<number, number>
  const sink: Sink<number, number> = {
    ...out,
    createCommitter: (ctx) => ({
      ...out.createCommitter!(ctx),
      ...(commit === undefined ? {} : { commit }),
      recover: async ({ fresh }) => void (await Promise.resolve(recovered.push(fresh))),
    }),
  }
  const numbers = controlledSource<number>(1)
  const job = defineJob({
    name: 'copying',
    build: (env) => void env.fromSource(numbers.source, { uid: 'in' }).sinkTo(sink, { uid: 'out' }),
  })
  const graph = job.build({})
  let failed = (): void => undefined
  const failure = new Promise<void>((resolve) => (failed = resolve))
  const coordinator = new JobCoordinator({
    jobId: 'job',
    jobName: job.name,
    graph,
    params: {},
    storage,
    identity: identity(1),
    clock: systemClock,
    events: { ...silentEvents, failed: () => failed() },
    plan: planJob(graph, 1, 128),
    memory: () => ({
      slot: { ringBytes: 65536, cacheBytes: 2 ** 20, levelDbBytes: 0 },
      youngGenerationMb: 0,
      oldGenerationMb: 0,
    }),
    hosts: () => new InProcessSlots(job, systemClock),
    spillDirectory: folder,
    merge: () => Promise.reject(new Error('nothing to merge')),
    checkpointing: { ...DEFAULT_CHECKPOINTING, intervalMs: 20 },
    restart: { kind: 'exponential', ...DEFAULT_EXPONENTIAL, attempts: 100 },
    random: Math.random,
    choose: (latest) => latest,
  })
  return { coordinator, storage, numbers, recovered, failure }
}

describe('a job that is canceled', () => {
  it('clears nothing away while a checkpoint may be in the log that names it', async () => {
    const { coordinator, storage, numbers, recovered, failure } = copying()
    const ended = coordinator.run()
    await expect.poll(() => coordinator.state.phase).toBe('running')
    storage.doubtful = true
    numbers.push(0, 1)
    await failure
    coordinator.cancel()
    expect((await ended).status).toBe('CANCELED')
    // Only at the start.
    expect(recovered).toEqual([true])
  })

  it('has not finished while its last checkpoint names what is not published, and that is kept', async () => {
    const { coordinator, numbers, recovered } = copying(async (ids) => {
      if (ids.length === 0) return
      if (coordinator.state.phase !== 'canceling') coordinator.cancel()
      await Promise.reject(new Error('away'))
    })
    const ended = coordinator.run()
    await expect.poll(() => coordinator.state.phase).toBe('running')
    numbers.push(0, 1)
    numbers.end(0)
    expect((await ended).status).toBe('CANCELED')
    expect(recovered).toEqual([true])
  })
})
