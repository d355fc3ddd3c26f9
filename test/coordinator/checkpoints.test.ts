import { expect, it } from 'vitest'
import type { CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import { MillraceError } from '../../runtime/contract/errors.js'
import { Checkpoints, type CheckpointsOptions } from '../../runtime/coordinator/checkpoints.js'
import { PendingCheckpoint } from '../../runtime/coordinator/pending-checkpoint.js'
import { silentEvents } from '../../runtime/coordinator/silent-events.js'
import { planJob } from '../../runtime/plan/plan.js'
import { draft } from '../checkpoint/manifests.js'
import { VirtualClock } from '../checkpoint/virtual-clock.js'

it('keeps the checkpoint that an attempt goes on from until its slots have read it', () => {
  const plan = planJob({ nodes: [] }, 1, 128)
  const pinned: number[] = []
  const log = {
    pin: ({ position }: CheckpointManifest) => {
      pinned.push(position)
      return () => void pinned.splice(pinned.indexOf(position), 1)
    },
  }
  const merges = { rescaled: () => undefined }
  const checkpoints = new Checkpoints({ plan, log, merges, firstCheckpointId: 1 } as unknown as CheckpointsOptions)
  const at = (position: number): CheckpointManifest => ({
    ...draft(),
    format: 1,
    kind: 'checkpoint',
    position,
    epoch: 1,
    jobId: 'job',
  })
  checkpoints.restartFrom(undefined, plan)
  expect(pinned).toEqual([])
  checkpoints.restored()
  checkpoints.restartFrom(at(2), plan)
  expect(pinned).toEqual([2])
  checkpoints.restartFrom(at(3), plan)
  expect(pinned).toEqual([3])
  checkpoints.restored()
  expect(pinned).toEqual([])
})

it('names what a sink has prepared once, after a commit that failed too', async () => {
  const plan = planJob({ nodes: [] }, 1, 128)
  const clock = new VirtualClock(0)
  const drafts: CheckpointManifest[] = []
  const log = {
    pin: () => () => {},
    append: (manifest: CheckpointManifest) => {
      drafts.push(manifest)
      return drafts.length === 1
        ? Promise.reject(new MillraceError('MILLRACE_STORAGE', 'down'))
        : Promise.resolve(manifest)
    },
  }
  const checkpoints = new Checkpoints({
    plan,
    log,
    clock,
    params: {},
    fingerprints: {},
    merges: { rescaled: () => undefined, apply: (lists: object) => lists },
    events: silentEvents,
    firstCheckpointId: 1,
    randomId: () => 'nonce',
    onCompleted: () => undefined,
    onAbandoned: () => undefined,
  } as unknown as CheckpointsOptions)
  Object.assign(checkpoints, { kinds: { out: 'sink' }, outputs: { out: 'file:out' } })
  const pending = (id: number): PendingCheckpoint => {
    const one = new PendingCheckpoint({ id, reason: 'periodic', triggeredAtMs: 0, enumerators: {}, slots: 1, tasks: 1 })
    one.acknowledge(0, [
      { uid: 'out', watermark: 0, finished: false, schema: [], counters: {}, segments: [], committables: [`c${id}`] },
    ])
    return one
  }
  await expect(checkpoints.commit(pending(1))).rejects.toThrow('down')
  checkpoints.abandon(pending(1), 'not committed')
  await checkpoints.commit(pending(2))
  expect(drafts.map(({ sinks }) => sinks['out']!.committables)).toEqual([['c1'], ['c1', 'c2']])
})
