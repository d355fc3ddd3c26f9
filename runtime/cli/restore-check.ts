import type { CheckpointManifest, OperatorStateRecord, PlanRecord } from '../checkpoint/manifest.js'
import { MillraceError } from '../contract/errors.js'
import type { GraphNode, JobGraph } from '../contract/graph.js'
import type { JsonValue } from '../contract/json.js'
import { overtakableEdge, sameEdge } from '../plan/overtaking.js'

/** The job that is to go on from a checkpoint, and what its user allows. */
export interface RestoreTarget {
  readonly jobName: string
  readonly graph: JobGraph
  /** The option as it was given; undefined if it was not. */
  readonly maxParallelism: number | undefined
  readonly allowNonRestoredState: boolean
  /** The user named the checkpoint: inputs and outputs may be others. */
  readonly explicit: boolean
}

type OperatorPlan = PlanRecord['operators'][number]

/**
 * Refuses (MILLRACE_RESTORE) a checkpoint that the job can't go on from as if nothing had happened: another job's, another maximum
 * parallelism, other inputs or outputs, state that nobody claims or that means something else. Pure.
 */
export function checkRestore(manifest: CheckpointManifest, target: RestoreTarget): void {
  checkName(manifest, target.jobName)
  if (target.maxParallelism !== undefined && target.maxParallelism !== manifest.maxParallelism) {
    throw refusal(
      `--max-parallelism ${target.maxParallelism} differs from the checkpoint's ${manifest.maxParallelism}, which holds for ever`,
      'leave the option out, or start anew with --restore none or another --job-id',
    )
  }
  const nodes = new Map(target.graph.nodes.map((node) => [node.uid, node]))
  if (!target.explicit) checkPlaces(manifest, nodes)
  for (const operator of manifest.plan.operators) checkOperator(manifest, operator, nodes.get(operator.uid), target)
  if (!target.allowNonRestoredState) checkInFlight(manifest, nodes, target.graph)
}

/** Records in flight go on where they were: on the same edge, into the same operator. */
function checkInFlight(manifest: CheckpointManifest, nodes: ReadonlyMap<string, GraphNode>, graph: JobGraph): void {
  for (const [uid, { channels }] of Object.entries(manifest.operators)) {
    if (channels === undefined) continue
    const node = nodes.get(uid)
    const inputs = node === undefined || node.kind === 'source' ? [] : node.inputs
    const edges = inputs.flatMap((input) => overtakableEdge(graph, node!.id, input) ?? [])
    const lost = channels.flatMap((file) => file.edges).find((edge) => !edges.some((one) => sameEdge(one, edge)))
    if (lost === undefined) continue
    throw refusal(
      `it holds records in flight from "${lost.from}" to "${uid}" (${lost.partitioning}), which the job no longer connects like that`,
      'go on with the job as it was, and change it from a savepoint, which has no records in flight; or drop them with --allow-non-restored-state',
    )
  }
}

/** A job id belongs to one job, whatever is restored from it. */
export function checkName(manifest: CheckpointManifest, jobName: string): void {
  if (manifest.jobName === jobName) return
  throw refusal(
    `the checkpoint is one of job "${manifest.jobName}", this is job "${jobName}"`,
    'give this job another --job-id or --checkpoint-dir',
  )
}

function checkPlaces(manifest: CheckpointManifest, nodes: ReadonlyMap<string, GraphNode>): void {
  for (const [uid, { fingerprint }] of Object.entries(manifest.sources)) {
    const node = nodes.get(uid)
    if (node?.kind === 'source' && node.source.describe !== fingerprint) {
      throw otherPlace(
        `source "${uid}" reads ${node.source.describe}; in the checkpoint it reads ${shown(fingerprint)}`,
      )
    }
  }
  for (const [uid, { output }] of Object.entries(manifest.sinks)) {
    const node = nodes.get(uid)
    if (node?.kind === 'sink' && node.sink.describe !== output) {
      throw otherPlace(`sink "${uid}" writes to ${node.sink.describe}; in the checkpoint it writes to ${output}`)
    }
  }
}

function shown(fingerprint: JsonValue): string {
  return typeof fingerprint === 'string' ? fingerprint : JSON.stringify(fingerprint)
}

function otherPlace(message: string): MillraceError {
  return refusal(
    message,
    'give the same parameters; or --job-id ID or --restore none to start anew, or --restore PATH to go on from it all the same',
  )
}

function checkOperator(
  manifest: CheckpointManifest,
  operator: OperatorPlan,
  node: GraphNode | undefined,
  target: RestoreTarget,
): void {
  const { uid } = operator
  if (node === undefined) {
    const what = target.allowNonRestoredState ? undefined : whatIsLost(manifest, operator)
    if (what === undefined) return
    throw unclaimed(`no ${operator.kind} of the job has the uid "${uid}", whose ${what} the checkpoint holds`)
  }
  if (node.kind !== operator.kind) {
    throw refusal(
      `"${uid}" is now the uid of: ${node.kind}; in the checkpoint of: ${operator.kind}`,
      'a uid means the same operator for ever: choose another',
    )
  }
  checkOperatorState(manifest, node, target)
  const declared = new Map(node.kind === 'operator' ? node.states.map((state) => [state.name, state]) : [])
  for (const state of operator.states) {
    if (state.dropped === true) continue
    const now = declared.get(state.name)
    if (now === undefined) {
      if (target.allowNonRestoredState) continue
      throw unclaimed(`operator "${uid}" no longer declares the state "${state.name}", which the checkpoint holds`)
    }
    if (now.kind !== state.kind || now.fingerprint !== state.fingerprint) {
      const was = now.kind === state.kind ? state.fingerprint : `${state.kind} state`
      const is = now.kind === state.kind ? now.fingerprint : `${now.kind} state`
      throw otherState(uid, state.name, is, was)
    }
  }
}

function checkOperatorState(manifest: CheckpointManifest, node: GraphNode, target: RestoreTarget): void {
  const declared = node.kind === 'operator' ? (node.operatorStates ?? []) : []
  for (const [name, state] of Object.entries(manifest.operators[node.uid]?.operatorState ?? {})) {
    const now = declared.find((other) => other.name === name)
    if (now === undefined) {
      if (target.allowNonRestoredState || !holdsElements(state)) continue
      throw unclaimed(`operator "${node.uid}" no longer declares the state "${name}", which the checkpoint holds`)
    }
    if (now.mode !== state.mode || now.fingerprint !== state.fingerprint) {
      const was = now.mode === state.mode ? state.fingerprint : `${state.mode} state`
      const is = now.mode === state.mode ? now.fingerprint : `${now.mode} state`
      throw otherState(node.uid, name, is, was)
    }
  }
}

function otherState(uid: string, name: string, is: string, was: string): MillraceError {
  return refusal(
    `state "${name}" of operator "${uid}" is ${is}; in the checkpoint it is ${was}`,
    'give the changed operator a new uid, or start anew with --restore none',
  )
}

function holdsElements({ parts }: OperatorStateRecord): boolean {
  return parts.length > 0
}

/** What of an operator would be gone; undefined if nothing. */
function whatIsLost(manifest: CheckpointManifest, { uid }: OperatorPlan): string | undefined {
  const operator = manifest.operators[uid]
  if (uid in manifest.sources) return 'position'
  if (uid in manifest.sinks) return 'output'
  if (operator?.channels !== undefined) return 'records in flight'
  const keyed = operator !== undefined && operator.segments.length > 0
  return keyed || Object.values(operator?.operatorState ?? {}).some(holdsElements) ? 'state' : undefined
}

function unclaimed(message: string): MillraceError {
  return refusal(message, 'give the operator its uid back, or drop the state with --allow-non-restored-state')
}

function refusal(message: string, hint: string): MillraceError {
  return new MillraceError('MILLRACE_RESTORE', `cannot go on from the checkpoint: ${message}`, { hint })
}
