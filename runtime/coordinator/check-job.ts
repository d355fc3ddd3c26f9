import type { CheckContext } from '../contract/check.js'
import { MillraceError } from '../contract/errors.js'
import type { GraphNode, JobGraph } from '../contract/graph.js'
import { operatorFailure } from '../contract/operator-failure.js'
import type { Clock } from '../contract/time.js'

/** Longer silence is said. */
const SILENT_MS = 5_000
/** A check that takes longer has failed: whoever submits waits for it. */
const LONGEST_MS = 45_000

/** Whose job is checked, and who hears warnings. */
export interface CheckOptions {
  readonly jobId: string
  readonly clock: Clock
  readonly warn: (uid: string, message: string) => void
}

/**
 * Runs the checks of all sources, sinks and operators at once, while nothing of the job runs yet. Rejects with the first failure in the
 * graph's order, naming its operator: the same one each time. Main thread.
 */
export async function checkJob(graph: JobGraph, { jobId, clock, warn }: CheckOptions): Promise<void> {
  const checks = graph.nodes.map(async (node) => {
    const { uid } = node
    const ctx = { uid, jobId, warn: (message: string) => warn(uid, message) }
    try {
      await inTime(checkNode(node, ctx), placeOf(node), clock, ctx)
    } catch (error) {
      throw operatorFailure(error, uid)
    }
  })
  for (const result of await Promise.allSettled(checks)) if (result.status === 'rejected') throw result.reason
}

/** MILLRACE_INPUT if it takes too long. */
async function inTime(check: Promise<void>, place: string, clock: Clock, ctx: CheckContext): Promise<void> {
  const cancels: (() => void)[] = []
  const tooLong = new Promise<never>((_, reject) => {
    cancels.push(
      clock.setTimeout(() => ctx.warn(`still waiting for ${place} to answer`), SILENT_MS),
      clock.setTimeout(() => reject(silent(place)), LONGEST_MS),
    )
  })
  try {
    await Promise.race([check, tooLong])
  } finally {
    for (const cancel of cancels) cancel()
  }
}

function silent(place: string): MillraceError {
  return new MillraceError('MILLRACE_INPUT', `${place} does not answer for ${LONGEST_MS / 1_000} s`, {
    hint: 'look at the network, the region and the endpoint',
  })
}

function placeOf(node: GraphNode): string {
  if (node.kind === 'source') return node.source.describe
  return node.kind === 'sink' ? node.sink.describe : `what operator "${node.uid}" needs`
}

async function checkNode(node: GraphNode, ctx: CheckContext): Promise<void> {
  if (node.kind === 'source') return node.source.check?.(ctx)
  if (node.kind === 'sink') return node.sink.check?.(ctx)
  return node.check?.(ctx)
}
