import { FAILED_TAG } from '../contract/failed-record.js'
import type { JobGraph, OperatorNode } from '../contract/graph.js'

/** Whether a record that the operator's function fails on goes somewhere else, and the job goes on. Pure. */
export function catchesFailures(graph: JobGraph, node: OperatorNode): boolean {
  return node.onError === 'drop' || isRead(graph, node.id, FAILED_TAG)
}

/** Whether anything reads that side output of a node. */
export function isRead(graph: JobGraph, id: number, tag: string): boolean {
  return graph.nodes.some(
    (node) => node.kind !== 'source' && node.inputs.some((input) => input.from === id && input.tag === tag),
  )
}
