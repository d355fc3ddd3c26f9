import type { Partitioning } from '../contract/graph.js'
import type { Key } from '../contract/key.js'
import { catchesFailures } from '../plan/failure-policy.js'
import { nodeOf, type ExecutionPlan, type PlanEdge } from '../plan/plan.js'
import { lenientKey } from './lenient-key.js'

/** A record without a key is a failure of the operator that is keyed by it, which deals with it if it deals with any. */
export function partitioningOf(plan: ExecutionPlan, { partitioning, toNode }: PlanEdge): Partitioning {
  const receiver = nodeOf(plan, toNode)
  if (partitioning.kind !== 'hash' || receiver.kind !== 'operator' || !catchesFailures(plan.graph, receiver))
    return partitioning
  return { ...partitioning, keyOf: lenientKey(partitioning.keyOf as (value: unknown) => Key) }
}
