import type { JobGraph } from '../contract/graph.js'

/** What metrics know of a plan. */
export interface PlanShape {
  readonly graph: JobGraph
  readonly tasks: readonly {
    readonly id: number
    readonly nodes: readonly number[]
    readonly outputs: readonly { readonly fromNode: number; readonly tag: string | undefined }[]
  }[]
}

/** Where an operator is, as dimensions say it. */
export interface OperatorPlace {
  readonly uid: string
  readonly kind: 'source' | 'operator' | 'sink'
  /** The uid of the task's head: it changes less often than the whole chain. */
  readonly task: string
  readonly taskId: number
  /** What the task receives, it receives. */
  readonly head: boolean
  /** What it emits on its main output leaves the task. */
  readonly tail: boolean
}

/** Operators in the order of the plan. */
export function placesOf({ graph, tasks }: PlanShape): OperatorPlace[] {
  return tasks.flatMap((task) =>
    task.nodes.map((id): OperatorPlace => {
      const { uid, kind } = graph.nodes[id]!
      const leaves = task.outputs.some((edge) => edge.fromNode === id && edge.tag === undefined)
      const head = task.nodes[0] === id
      return {
        uid,
        kind,
        task: graph.nodes[task.nodes[0]!]!.uid,
        taskId: task.id,
        head,
        tail: leaves || kind === 'sink',
      }
    }),
  )
}
