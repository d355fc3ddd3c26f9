import type { CheckpointManifest } from '../checkpoint/manifest.js'
import { MillraceError } from '../contract/errors.js'
import type { JobGraph } from '../contract/graph.js'
import { checkName, checkRestore, type RestoreTarget } from './restore-check.js'

/** What `--restore` says; `path`: the checkpoint that was found there. */
export type RestoreMode =
  { readonly kind: 'latest' | 'none' } | { readonly kind: 'path'; readonly checkpoint: CheckpointManifest }

/** What a run goes on from, as a job's user asked for it. */
export interface RestoreRequest extends Omit<RestoreTarget, 'explicit'> {
  readonly mode: RestoreMode
  /** The process that came to the latest checkpoint died before it could say how the job had ended. */
  readonly unreported?: boolean
}

/** The job ended with this checkpoint, and all its output is published. */
export function isFinished(manifest: CheckpointManifest): boolean {
  return manifest.final && Object.values(manifest.sinks).every((sink) => sink.committables.length === 0)
}

/**
 * The checkpoint to go on from, undefined for a fresh start. `latest` is the newest of the job's own log. MILLRACE_RESTORE for one that
 * doesn't fit the job. Pure.
 */
export function chooseRestore(
  request: RestoreRequest,
  latest: CheckpointManifest | undefined,
): CheckpointManifest | undefined {
  const { mode } = request
  if (mode.kind === 'none') return undefined
  if (mode.kind === 'path') {
    checkRestore(mode.checkpoint, { ...request, explicit: true })
    return mode.checkpoint
  }
  if (latest === undefined) return undefined
  checkName(latest, request.jobName)
  if (isFinished(latest)) return request.unreported === true && fits(latest, request) ? latest : undefined
  checkRestore(latest, { ...request, explicit: false })
  return latest
}

/** What has finished is reported to the job it belongs to; another one with its name starts afresh. */
function fits(latest: CheckpointManifest, request: RestoreRequest): boolean {
  try {
    checkRestore(latest, { ...request, explicit: false })
    return true
  } catch {
    return false
  }
}

/**
 * Refuses (MILLRACE_RESTORE) to go back to `checkpoint` when one of `later` has written more to a place that the job writes to again: it
 * would come twice. Pure.
 */
export function refuseDuplicateOutput(
  checkpoint: CheckpointManifest,
  later: readonly CheckpointManifest[],
  graph: JobGraph,
): void {
  for (const node of graph.nodes) {
    if (node.kind !== 'sink') continue
    const written = writtenTo(checkpoint, node.uid)
    for (const one of later) {
      if (one.checkpointId <= checkpoint.checkpointId) continue
      if (one.sinks[node.uid]?.output !== node.sink.describe || writtenTo(one, node.uid) <= written) continue
      const more = writtenTo(one, node.uid) - written
      throw new MillraceError(
        'MILLRACE_RESTORE',
        `checkpoint ${checkpoint.checkpointId} is older than ${one.checkpointId}, which has published ${more} more to sink "${node.uid}" (${node.sink.describe}): they would come twice`,
        {
          hint: 'go on from the newest checkpoint, write to another place, or accept it with --allow-duplicate-output',
        },
      )
    }
  }
}

/**
 * The checkpoint without what its sinks have prepared for places that the job no longer writes to: this job's sinks can't publish it. The
 * notes say what that means. Pure.
 */
export function withoutOtherOutput(
  checkpoint: CheckpointManifest,
  graph: JobGraph,
): { readonly checkpoint: CheckpointManifest; readonly notes: readonly string[] } {
  const sinks = { ...checkpoint.sinks }
  const notes: string[] = []
  for (const node of graph.nodes) {
    const before = checkpoint.sinks[node.uid]
    if (node.kind !== 'sink' || before === undefined || before.output === node.sink.describe) continue
    sinks[node.uid] = { output: node.sink.describe, writerStates: [], committables: [] }
    if (before.committables.length + before.writerStates.length === 0) continue
    notes.push(
      `sink "${node.uid}" writes to ${node.sink.describe} now: what checkpoint ${checkpoint.checkpointId} holds for ${before.output} is published only by the job that made it`,
    )
  }
  return { checkpoint: { ...checkpoint, sinks }, notes }
}

function writtenTo(manifest: CheckpointManifest, uid: string): number {
  return manifest.counters[uid]?.['numRecordsOut'] ?? 0
}
