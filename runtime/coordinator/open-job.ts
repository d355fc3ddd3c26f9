import { randomUUID } from 'node:crypto'
import type { EmptyRun } from '../checkpoint/log-reader.js'
import { ManifestLog } from '../checkpoint/manifest-log.js'
import { runStartOf, type CheckpointManifest } from '../checkpoint/manifest.js'
import { serializeError } from '../contract/errors.js'
import type { JobGraph } from '../contract/graph.js'
import { BackgroundMerges } from './background-merges.js'
import { Checkpoints } from './checkpoints.js'
import { FailureHistory, NO_FAILURES, readFailures } from './failure-history.js'
import type { JobOptions } from './job-options.js'
import { Savepoints } from './savepoints.js'
import { SinkCommitters } from './sink-committers.js'

/** What all attempts of a process have in common, once it owns the job's log. */
export interface OpenJob {
  readonly run: { readonly runId: string; readonly epoch: number; readonly startedAtMs: number }
  readonly log: ManifestLog
  /** What it goes on from; undefined: a fresh start. */
  readonly checkpoint: CheckpointManifest | undefined
  readonly committers: SinkCommitters
  readonly merges: BackgroundMerges
  readonly savepoints: Savepoints
  readonly checkpoints: Checkpoints
  readonly history: FailureHistory
}

/** Takes the log over. Rejects with a MillraceError when the job may not start: refused before anything was written. */
export async function openJob(
  options: JobOptions,
  onCompleted: (manifest: CheckpointManifest) => void,
): Promise<OpenJob> {
  const { jobId, jobName, storage, identity, clock, events, plan, graph, retainCheckpoints } = options
  const randomId = options.randomId ?? randomUUID
  const log = await ManifestLog.open(storage, {
    jobId,
    ...(retainCheckpoints === undefined ? {} : { retained: retainCheckpoints }),
  })
  // A run that was killed before its first checkpoint is begun again: what it left unpublished is then its own to clear away.
  const freshRun = log.emptyRun() ?? newRun(clock.now(), randomId())
  const { record, checkpoint } = await log.takeover({
    nonce: randomId(),
    ...freshRun,
    holder: identity,
    createdAtMs: clock.now(),
    choose: options.choose,
  })
  const runId = checkpoint?.runId ?? freshRun.runId
  const run = { runId, epoch: record.epoch, startedAtMs: runStartOf(checkpoint ?? record) }
  const committers = new SinkCommitters(graph, { jobId, runId, epoch: run.epoch, warn: events.warn.bind(events) })
  const merges = new BackgroundMerges({
    storageUrl: storage.url(),
    epoch: run.epoch,
    parallelism: plan.parallelism,
    maxParallelism: plan.maxParallelism,
    run: options.merge,
    failed: (uid, error) => events.warn(uid, `merging segments failed: ${serializeError(error).message}`),
  })
  const savepoints = new Savepoints({ from: storage, pin: (manifest) => log.pin(manifest) })
  const checkpoints = new Checkpoints({
    plan,
    jobName,
    runId,
    runStartedAtMs: run.startedAtMs,
    params: withoutSecrets(options.params, options.secretParams ?? new Set()),
    fingerprints: sourceFingerprints(graph),
    log,
    committers,
    clock,
    randomId,
    events,
    merges,
    firstCheckpointId: (log.latest()?.checkpointId ?? 0) + 1,
    onCompleted,
    onPublished: (manifest) => savepoints.published(manifest),
    onAbandoned: (pending, reason) => {
      if (pending.reason === 'savepoint') savepoints.abandoned(pending.id, reason)
    },
  })
  const history = await historyOf(options, run, checkpoint?.checkpointId ?? 0)
  return { run, log, checkpoint, committers, merges, savepoints, checkpoints, history }
}

async function historyOf(
  { storage, identity, jobName, events, redact }: JobOptions,
  { epoch, runId }: OpenJob['run'],
  lastCheckpoint: number,
): Promise<FailureHistory> {
  const warn = (message: string): void => events.warn(jobName, message)
  const options = { storage, epoch, runId, identity, redact: redact ?? ((error) => error), warn }
  try {
    return new FailureHistory(options, await readFailures(storage), lastCheckpoint)
  } catch (error) {
    warn(`earlier failures cannot be read: ${serializeError(error).message}`)
    return new FailureHistory(options, NO_FAILURES, lastCheckpoint)
  }
}

/** What the sources of a job read, as the manifest keeps it. */
export function sourceFingerprints(graph: JobGraph): Record<string, string> {
  return Object.fromEntries(graph.nodes.flatMap((n) => (n.kind === 'source' ? [[n.uid, n.source.describe]] : [])))
}

function withoutSecrets(params: Readonly<Record<string, string>>, secret: ReadonlySet<string>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !secret.has(name)))
}

/** The id is sortable, and unique enough to tell runs of one output folder apart. */
export function newRun(nowMs: number, unique: string): EmptyRun {
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+Z/g, '')
  return { runId: `${time}-${unique.slice(0, 8)}`, runStartedAtMs: nowMs }
}
