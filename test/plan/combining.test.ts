import { describe, expect, it } from 'vitest'
import type { CombinerSpec } from '../../runtime/contract/combiner.js'
import type { GraphEdge, GraphNode, JobGraph, Partitioning } from '../../runtime/contract/graph.js'
import { planHash } from '../../runtime/plan/plan-hash.js'
import { planJob } from '../../runtime/plan/plan.js'

const forward: Partitioning = { kind: 'forward' }

function edge(from: number, partitioning: Partitioning, tag?: string): GraphEdge {
  return { from, input: 0, partitioning, ...(tag === undefined ? {} : { tag }) }
}

function hash(combine?: Partial<CombinerSpec>): Partitioning {
  const spec: CombinerSpec = { create: () => ({}) as never, lateTag: 'late', refires: false, ...combine }
  return { kind: 'hash', keyOf: () => 'k', ...(combine === undefined ? {} : { combine: spec }) }
}

type PartialNode = Partial<GraphNode> & { readonly kind: GraphNode['kind'] }

function graph(...nodes: readonly PartialNode[]): JobGraph {
  return {
    nodes: nodes.map((node, id) => ({
      id,
      uid: `n${id}`,
      name: '',
      states: [],
      keyed: false,
      watermarks: { generator: { kind: 'none' } },
      ...node,
    })) as unknown as GraphNode[],
  }
}

const idle = { watermarks: { generator: { kind: 'none' as const }, idlenessMs: 10 } }

/** A source, a map behind it, and a window that reads the map by the edge; whether anybody reads what is late. */
function job(partitioning: Partitioning, source: object = {}, lateIsRead = false): JobGraph {
  return graph(
    { kind: 'source', ...source },
    { kind: 'operator', inputs: [edge(0, forward)] },
    { kind: 'operator', inputs: [edge(1, partitioning)], keyed: true },
    { kind: 'sink', inputs: [edge(2, forward, lateIsRead ? 'late' : 'other')] },
  )
}

const flushes = (plan: JobGraph, parallelism: number): (string | undefined)[] =>
  planJob(plan, parallelism, 128).edges.map(({ combining }) => combining?.flush)

describe('a plan combines records before a hash edge', () => {
  it('that lets it, if there is more than one slot', () => {
    expect(flushes(job(hash({})), 2)).toEqual(['firing'])
    expect(flushes(job(hash({})), 1)).toEqual([undefined])
    expect(flushes(job(hash()), 2)).toEqual([undefined])
  })

  it('whoever reads what is late, and whatever fires again, as long as no input may go idle', () => {
    expect(flushes(job(hash({ refires: true }), {}, true), 2)).toEqual(['firing'])
  })

  it('up to every watermark where an input may go idle', () => {
    expect(flushes(job(hash({}), idle), 2)).toEqual(['watermark'])
  })

  it('not where an input may go idle and it matters which records come late', () => {
    expect(flushes(job(hash({}), idle, true), 2)).toEqual([undefined])
    expect(flushes(job(hash({ lateTag: undefined }), idle, true), 2)).toEqual(['watermark'])
    expect(flushes(job(hash({ refires: true }), idle), 2)).toEqual([undefined])
  })

  it('edge by edge: an idle input holds up no other', () => {
    const union = graph(
      { kind: 'source', ...idle },
      { kind: 'source' },
      { kind: 'operator', inputs: [edge(0, hash({ refires: true })), edge(1, hash({ refires: true }))], keyed: true },
      { kind: 'sink', inputs: [edge(2, forward)] },
    )
    expect(flushes(union, 2)).toEqual([undefined, 'firing'])
  })

  it('and looks through a graph of many unions in no time', () => {
    const nodes: PartialNode[] = [{ kind: 'source' }]
    for (let id = 1; id < 60; id++) {
      nodes.push({ kind: 'operator', inputs: [edge(id - 1, forward), edge(id - 1, forward)] })
    }
    nodes.push({ kind: 'operator', inputs: [edge(59, hash({}))], keyed: true })
    expect(flushes(graph(...nodes), 2).at(-1)).toBe('firing')
  })

  it('and tells so in its fingerprint', () => {
    const plans = [job(hash()), job(hash({})), job(hash({}), idle)]
    expect(new Set(plans.map((plan) => planHash(planJob(plan, 2, 128)))).size).toBe(3)
    expect(new Set(plans.map((plan) => planHash(planJob(plan, 1, 128)))).size).toBe(1)
  })
})
