import type { CheckContext } from '../contract/check.js'
import type { GraphNode, JobGraph } from '../contract/graph.js'
import { operatorFailure } from '../contract/operator-failure.js'

/** Whose job is checked, and who hears warnings. */
export interface CheckOptions {
  readonly jobId: string
  readonly warn: (uid: string, message: string) => void
}

/**
 * Runs the checks of all sources, sinks and operators at once, while nothing of the job runs yet. Rejects with the first failure in the
 * graph's order, naming its operator: the same one each time. Main thread.
 */
export async function checkJob(graph: JobGraph, { jobId, warn }: CheckOptions): Promise<void> {
  const checks = graph.nodes.map(async (node) => {
    const { uid } = node
    try {
      await checkNode(node, { uid, jobId, warn: (message) => warn(uid, message) })
    } catch (error) {
      throw operatorFailure(error, uid)
    }
  })
  for (const result of await Promise.allSettled(checks)) if (result.status === 'rejected') throw result.reason
}

async function checkNode(node: GraphNode, ctx: CheckContext): Promise<void> {
  if (node.kind === 'source') return node.source.check?.(ctx)
  if (node.kind === 'sink') return node.sink.check?.(ctx)
  return node.check?.(ctx)
}
