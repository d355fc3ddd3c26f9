import { expect, it } from 'vitest'
import type { CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import { Checkpoints, type CheckpointsOptions } from '../../runtime/coordinator/checkpoints.js'
import { planJob } from '../../runtime/plan/plan.js'
import { draft } from '../checkpoint/manifests.js'

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
