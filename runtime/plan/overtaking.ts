import type { EdgeName } from '../contract/edge-name.js'
import type { GraphEdge, JobGraph } from '../contract/graph.js'

/** As a graph's, or a plan's. */
type AnyEdge = Pick<GraphEdge, 'from' | 'input' | 'partitioning'> & { readonly tag?: string | undefined }

/**
 * The name of an edge into node `to` whose records a barrier may overtake; undefined: it may not. Records that are in flight in a
 * checkpoint must find their way at another parallelism, and broadcast or forwarded ones cannot: which subtasks have had a copy already,
 * and in which order a subtask gets them, would be lost. What goes into a sink is written before the barrier. Pure.
 */
export function overtakableEdge(graph: JobGraph, to: number, edge: AnyEdge): EdgeName | undefined {
  const { from, tag, input, partitioning } = edge
  if (partitioning.kind === 'forward' || partitioning.kind === 'broadcast') return undefined
  if (graph.nodes[to]!.kind === 'sink') return undefined
  return {
    from: graph.nodes[from]!.uid,
    ...(tag === undefined ? {} : { tag }),
    input,
    partitioning: partitioning.kind,
  }
}

/** Whether it is the same edge, whatever the job has changed around it. Pure. */
export function sameEdge(one: EdgeName, other: EdgeName): boolean {
  const { from, tag, input, partitioning } = one
  return from === other.from && tag === other.tag && input === other.input && partitioning === other.partitioning
}
