import type { GraphNode, Partitioning } from '../contract/graph.js'
import type { JobGraph } from '../contract/graph.js'
import { MillraceError } from '../contract/errors.js'
import { edgeCombining, type EdgeCombining } from './combining.js'

/** An edge that goes through channels, from every subtask of one task to (`forward`: its own; else every) subtask of another. */
export interface PlanEdge {
  readonly id: number
  readonly fromNode: number
  readonly tag: string | undefined
  readonly toNode: number
  readonly input: 0 | 1
  readonly partitioning: Partitioning
  /** Whether senders combine records, and how. */
  readonly combining: EdgeCombining | undefined
  readonly fromTask: number
  readonly toTask: number
}

/** Where a node's output goes inside its own task: a direct call. */
export interface ChainEdge {
  readonly fromNode: number
  readonly tag: string | undefined
  readonly toNode: number
}

/** Operators that run in one subtask by direct calls: a tree whose root is a source or reads channels. */
export interface Task {
  readonly id: number
  /** Node ids, each behind the one that feeds it. */
  readonly nodes: readonly number[]
  readonly chained: readonly ChainEdge[]
  readonly inputs: readonly PlanEdge[]
  readonly outputs: readonly PlanEdge[]
}

/** What runs: every task has `parallelism` subtasks; slot k hosts subtask k of each. Tasks are in topological order. */
export interface ExecutionPlan {
  readonly graph: JobGraph
  readonly parallelism: number
  readonly maxParallelism: number
  readonly tasks: readonly Task[]
  readonly edges: readonly PlanEdge[]
}

interface MutableTask {
  id: number
  nodes: number[]
  chained: ChainEdge[]
  inputs: PlanEdge[]
  outputs: PlanEdge[]
}

/**
 * Splits a graph into tasks: a node joins the task of the node that feeds it when that is its only input and the edge is `forward`.
 * Pure. MILLRACE_USAGE when the parallelism does not fit the maximum.
 */
export function planJob(graph: JobGraph, parallelism: number, maxParallelism: number): ExecutionPlan {
  if (parallelism > maxParallelism) {
    throw new MillraceError(
      'MILLRACE_USAGE',
      `parallelism ${parallelism} is above the maximum parallelism ${maxParallelism}`,
      {
        hint: 'lower --parallelism; the maximum is fixed by the first checkpoint of the job (--max-parallelism, 128 by default)',
      },
    )
  }
  const tasks: MutableTask[] = []
  const edges: PlanEdge[] = []
  const taskOf = new Map<number, MutableTask>()
  for (const node of graph.nodes) {
    const inputs = node.kind === 'source' ? [] : node.inputs
    const only = inputs.length === 1 ? inputs[0] : undefined
    if (only !== undefined && only.partitioning.kind === 'forward') {
      const task = taskOf.get(only.from)!
      task.nodes.push(node.id)
      task.chained.push({ fromNode: only.from, tag: only.tag, toNode: node.id })
      taskOf.set(node.id, task)
      continue
    }
    const task: MutableTask = { id: tasks.length, nodes: [node.id], chained: [], inputs: [], outputs: [] }
    tasks.push(task)
    taskOf.set(node.id, task)
    for (const input of inputs) {
      const from = taskOf.get(input.from)!
      const edge: PlanEdge = {
        id: edges.length,
        fromNode: input.from,
        tag: input.tag,
        toNode: node.id,
        input: input.input,
        partitioning: input.partitioning,
        combining: edgeCombining(graph, node.id, input, parallelism),
        fromTask: from.id,
        toTask: task.id,
      }
      edges.push(edge)
      from.outputs.push(edge)
      task.inputs.push(edge)
    }
  }
  return { graph, parallelism, maxParallelism, tasks, edges }
}

/** The node with that id. */
export function nodeOf(plan: ExecutionPlan, id: number): GraphNode {
  return plan.graph.nodes[id]!
}
