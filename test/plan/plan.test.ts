import { describe, expect, it } from 'vitest'
import type { GraphEdge, GraphNode, JobGraph, Partitioning } from '../../runtime/contract/graph.js'
import { planHash } from '../../runtime/plan/plan-hash.js'
import { planJob } from '../../runtime/plan/plan.js'

const forward: Partitioning = { kind: 'forward' }
const hash: Partitioning = { kind: 'hash', keyOf: () => 'k' }

function edge(from: number, partitioning: Partitioning, extra: Partial<GraphEdge> = {}): GraphEdge {
  return { from, input: 0, partitioning, ...extra }
}

function graph(...nodes: readonly (Partial<GraphNode> & { kind: GraphNode['kind'] })[]): JobGraph {
  return {
    nodes: nodes.map(
      (node, id) =>
        ({
          id,
          uid: `n${id}`,
          name: '',
          states: [],
          keyed: false,
          create: () => ({}),
          ...node,
        }) as unknown as GraphNode,
    ),
  }
}

describe('planJob', () => {
  it('chains what a forward edge feeds alone, and cuts at hash edges', () => {
    const plan = planJob(
      graph(
        { kind: 'source' },
        { kind: 'operator', inputs: [edge(0, forward)] },
        { kind: 'operator', inputs: [edge(1, hash)], keyed: true },
        { kind: 'sink', inputs: [edge(2, forward)] },
        { kind: 'sink', inputs: [edge(0, forward, { tag: 'invalid' })] },
      ),
      2,
      128,
    )
    expect(plan.tasks.map((task) => task.nodes)).toEqual([
      [0, 1, 4],
      [2, 3],
    ])
    expect(plan.edges.map((e) => [e.fromTask, e.toTask, e.partitioning.kind])).toEqual([[0, 1, 'hash']])
    expect(plan.tasks[0]!.chained).toContainEqual({ fromNode: 0, tag: 'invalid', toNode: 4 })
  })

  it('gives a node with several inputs a task of its own', () => {
    const plan = planJob(
      graph({ kind: 'source' }, { kind: 'source' }, { kind: 'sink', inputs: [edge(0, forward), edge(1, forward)] }),
      1,
      128,
    )
    expect(plan.tasks.map((task) => task.nodes)).toEqual([[0], [1], [2]])
    expect(plan.tasks[2]!.inputs).toHaveLength(2)
  })

  it('refuses a parallelism above the maximum', () => {
    expect(() => planJob(graph({ kind: 'source' }), 129, 128)).toThrow(/above the maximum/)
  })
})

describe('planHash', () => {
  const job = (uid: string, fingerprint: string): JobGraph =>
    graph(
      { kind: 'source' },
      {
        kind: 'operator',
        uid,
        inputs: [edge(0, hash)],
        keyed: true,
        states: [{ name: 's', kind: 'value', fingerprint }],
      },
    )

  it('is the same for two builds of one graph', () => {
    expect(planHash(planJob(job('a', 'x'), 2, 128))).toBe(planHash(planJob(job('a', 'x'), 2, 128)))
  })

  it('differs with a uid, a state and the parallelism', () => {
    const hashes = [
      planHash(planJob(job('a', 'x'), 2, 128)),
      planHash(planJob(job('b', 'x'), 2, 128)),
      planHash(planJob(job('a', 'y'), 2, 128)),
      planHash(planJob(job('a', 'x'), 3, 128)),
    ]
    expect(new Set(hashes).size).toBe(4)
  })
})
