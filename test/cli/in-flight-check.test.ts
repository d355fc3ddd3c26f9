import { describe, expect, it } from 'vitest'
import type { CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import { checkRestore } from '../../runtime/cli/restore-check.js'
import type { GraphEdge, JobGraph } from '../../runtime/contract/graph.js'

/** A checkpoint with records in flight from `in` to `count`, over a hash edge. */
const manifest = {
  jobName: 'job',
  maxParallelism: 128,
  plan: { hash: '', operators: [] },
  sources: {},
  sinks: {},
  operators: {
    count: {
      watermarks: [0],
      finishedSubtasks: [],
      listState: {},
      segments: [],
      channels: [{ edges: [{ from: 'in', input: 0, partitioning: 'hash' }] }],
    },
  },
} as unknown as CheckpointManifest

function graphWith(partitioning: GraphEdge['partitioning'], receiver = 'count'): JobGraph {
  return {
    nodes: [
      { id: 0, kind: 'source', uid: 'in', source: { describe: 'in' } },
      { id: 1, kind: 'operator', uid: receiver, inputs: [{ from: 0, input: 0, partitioning }], states: [] },
    ],
  } as unknown as JobGraph
}

function check(graph: JobGraph, allowNonRestoredState = false): void {
  checkRestore(manifest, { jobName: 'job', graph, maxParallelism: undefined, allowNonRestoredState, explicit: false })
}

const hash = { kind: 'hash', keyOf: () => 'k' } as const

describe('a checkpoint with records in flight', () => {
  it('is gone on from by a job that has their edge', () => {
    expect(() => check(graphWith(hash))).not.toThrow()
  })

  it.each([
    ['spreads them otherwise', graphWith({ kind: 'rebalance' })],
    ['sends them to another operator', graphWith(hash, 'other')],
  ])('is refused by a job that %s, unless they may be dropped', (_, graph) => {
    expect(() => check(graph)).toThrow(
      expect.objectContaining({
        code: 'MILLRACE_RESTORE',
        message: expect.stringContaining('records in flight from "in" to "count"') as string,
      }),
    )
    expect(() => check(graph, true)).not.toThrow()
  })
})
