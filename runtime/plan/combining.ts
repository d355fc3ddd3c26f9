import type { CombinerSpec } from '../contract/combiner.js'
import type { GraphEdge, JobGraph } from '../contract/graph.js'
import { catchesFailures, isRead } from './failure-policy.js'

/** How the senders of a hash edge combine records. */
export interface EdgeCombining {
  readonly spec: CombinerSpec
  /**
   * When partials leave at the latest. `firing`: before the watermark at which the receiver needs them. `watermark`: before every
   * watermark, and with every partly filled batch, as the receiver may be ahead of this sender, and what waits would become late.
   */
  readonly flush: 'firing' | 'watermark'
}

/**
 * Whether the senders of an edge into `receiver` combine records. Not in a single slot, where nothing is shuffled; and not where a
 * receiver may be ahead of a sender (which was idle) while it matters which of its records come after a firing. Pure.
 */
export function edgeCombining(
  graph: JobGraph,
  receiver: number,
  { from, partitioning }: GraphEdge,
  parallelism: number,
): EdgeCombining | undefined {
  if (parallelism === 1 || partitioning.kind !== 'hash' || partitioning.combine === undefined) return undefined
  const node = graph.nodes[receiver]!
  // A record that fails must be told from those it came with.
  if (node.kind === 'operator' && catchesFailures(graph, node)) return undefined
  const spec = partitioning.combine
  if (!mayBeIdle(graph, from)) return { spec, flush: 'firing' }
  if (spec.refires || (spec.lateTag !== undefined && isRead(graph, receiver, spec.lateTag))) return undefined
  return { spec, flush: 'watermark' }
}

/** Whether a source that feeds the node, directly or not, may go idle. */
function mayBeIdle(graph: JobGraph, id: number, seen = new Set<number>()): boolean {
  const node = graph.nodes[id]!
  if (node.kind === 'source') return node.watermarks.idlenessMs !== undefined
  return node.inputs.some(({ from }) => !seen.has(from) && mayBeIdle(graph, from, seen.add(from)))
}
