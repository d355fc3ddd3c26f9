import { createHash } from 'node:crypto'
import type { ExecutionPlan } from './plan.js'

/**
 * A fingerprint of all that a thread must agree on with the coordinator: nodes, uids, states, edges, parallelism. Functions are not in
 * it: both sides imported the same bundle.
 */
export function planHash(plan: ExecutionPlan): string {
  const shape = {
    parallelism: plan.parallelism,
    maxParallelism: plan.maxParallelism,
    nodes: plan.graph.nodes.map((node) => [
      node.id,
      node.kind,
      node.uid,
      node.kind === 'operator' ? node.states.map((s) => [s.name, s.kind, s.fingerprint, s.ttlMs ?? 0]) : [],
      node.kind === 'operator' ? (node.operatorStates ?? []).map((s) => [s.name, s.mode, s.fingerprint]) : [],
    ]),
    tasks: plan.tasks.map((task) => [task.nodes, task.chained.map((c) => [c.fromNode, c.tag ?? '', c.toNode])]),
    edges: plan.edges.map((e) => [
      e.fromNode,
      e.tag ?? '',
      e.toNode,
      e.input,
      e.partitioning.kind,
      e.combining?.flush ?? '',
    ]),
  }
  return createHash('sha256').update(JSON.stringify(shape)).digest('hex').slice(0, 32)
}
