/**
 * Invariant: sinks publish only what a manifest in the log names, and everything a manifest names is published before the job ends; what
 * was prepared and not yet published is carried from manifest to manifest.
 *
 *   acks -> draft (+ carried committables) -> log (the commit point) -> committers -> retire old
 */
import { checkpointFiles } from '../checkpoint/checkpoint-files.js'
import type { CheckpointDraft, CheckpointManifest } from '../checkpoint/manifest.js'
import type { ManifestLog } from '../checkpoint/manifest-log.js'
import { serializeError } from '../contract/errors.js'
import type { JsonValue } from '../contract/json.js'
import type { Clock } from '../contract/time.js'
import type { ExecutionPlan } from '../plan/plan.js'
import { planHash } from '../plan/plan-hash.js'
import type { OperatorSnapshot } from '../worker/protocol.js'
import type { CheckpointSink } from './checkpoint-sink.js'
import type { BackgroundMerges, SegmentLists } from './background-merges.js'
import { draftCheckpoint, type CounterTotals } from './draft.js'
import type { JobEvents } from './events.js'
import type { PendingCheckpoint } from './pending-checkpoint.js'
import { sinkNodes, type Committables, type SinkCommitters } from './sink-committers.js'

/** What every checkpoint of this process has in common. */
export interface CheckpointsOptions {
  readonly plan: ExecutionPlan
  readonly jobName: string
  readonly runId: string
  readonly runStartedAtMs: number
  readonly params: Readonly<Record<string, string>>
  readonly fingerprints: Readonly<Record<string, string>>
  readonly log: ManifestLog
  readonly committers: SinkCommitters
  readonly clock: Clock
  readonly randomId: () => string
  readonly events: JobEvents
  readonly firstCheckpointId: number
  readonly merges: BackgroundMerges
  readonly onCompleted: (manifest: CheckpointManifest) => void
  /** After its sinks have published, before older ones are deleted. */
  readonly onPublished: (manifest: CheckpointManifest) => void
  readonly onAbandoned: (pending: PendingCheckpoint, reason: string) => void
}

/** Turns acknowledged checkpoints into committed ones. One per process; it outlives attempts. Main thread. */
export class Checkpoints implements CheckpointSink {
  /** Completed by this process. */
  completed = 0
  private readonly options: CheckpointsOptions
  private plan: ExecutionPlan
  private kinds: Readonly<Record<string, string>> = {}
  private outputs: Readonly<Record<string, string>> = {}
  private hash = ''
  private checkpointId: number
  private segments: SegmentLists = {}
  private counterBase: CounterTotals = {}
  private carried: Record<string, readonly JsonValue[]> = {}
  /** In the log, but its sinks have not published all of it. */
  private unpublished: CheckpointManifest | undefined
  /** The last one whose sinks have published all. */
  private published: CheckpointManifest | undefined
  /** Lets go of the checkpoint that the attempt went on from. */
  private unpin: () => void = () => {}

  constructor(options: CheckpointsOptions) {
    this.options = options
    this.plan = options.plan
    this.checkpointId = options.firstCheckpointId - 1
  }

  /** Whether sinks have published all that the log names. */
  get allPublished(): boolean {
    return this.unpublished === undefined
  }

  /** Whether all output is published, though the log may lack the note that says so. */
  get outputPublished(): boolean {
    return this.unpublished === this.published || this.allPublished
  }

  /** Whether the log may name more than is known here: none of what sinks have prepared may be cleared away. */
  get inDoubt(): boolean {
    return this.options.log.inDoubt
  }

  /** A new attempt goes on from `manifest` (undefined: from nothing), after {@link publishRest}. */
  restartFrom(manifest: CheckpointManifest | undefined, plan: ExecutionPlan): void {
    this.plan = plan
    this.kinds = Object.fromEntries(plan.graph.nodes.map((node) => [node.uid, node.kind]))
    this.outputs = Object.fromEntries(sinkNodes(plan.graph).map((node) => [node.uid, node.sink.describe]))
    this.hash = planHash(plan)
    this.options.merges.rescaled(plan.parallelism)
    this.segments = manifest === undefined ? {} : segmentsOf(manifest)
    this.counterBase = manifest?.counters ?? {}
    this.carried = {}
    this.restored()
    if (manifest !== undefined) this.unpin = this.options.log.pin(manifest)
  }

  /** Nobody reads the checkpoint any more that the attempt went on from: what has been merged away of it may go. */
  restored(): void {
    this.unpin()
    this.unpin = () => {}
  }

  /** Of the checkpoint that was begun last. */
  get lastId(): number {
    return this.checkpointId
  }

  nextId(): number {
    return ++this.checkpointId
  }

  async commit(pending: PendingCheckpoint): Promise<CheckpointManifest> {
    const { carried } = this
    const draft = this.draft(pending)
    let manifest: CheckpointManifest
    try {
      manifest = await this.options.log.append(draft)
    } catch (error) {
      // It may be in the log or not: the next one has to name what it names. Its own is carried when it is abandoned.
      const late = this.takeCarried()
      this.carry(Object.entries(carried).map(([uid, committables]) => ({ uid, committables })))
      this.carry(Object.entries(late).map(([uid, committables]) => ({ uid, committables })))
      throw error
    }
    this.inLog(manifest)
    return manifest
  }

  async publish(manifest: CheckpointManifest, pending: PendingCheckpoint): Promise<void> {
    const { log, merges, events, clock, onPublished } = this.options
    await this.publishOutput(manifest)
    onPublished(manifest)
    await this.retire()
    const inFlightBytes = sum(Object.values(manifest.operators).flatMap((o) => (o.channels ?? []).map((f) => f.bytes)))
    const newState = sum(pending.slots.flatMap((slot) => slot.flatMap((o) => o.segments)).map((s) => s.bytes))
    merges.consider(this.segments, pending.id)
    this.completed++
    events.checkpoint({
      checkpointId: pending.id,
      reason: pending.reason,
      path: log.pathOf(manifest),
      durationMs: clock.now() - pending.triggeredAtMs,
      writtenBytes: newState + inFlightBytes,
      stateBytes: sum(checkpointFiles(manifest).map((file) => file.bytes)) - inFlightBytes,
      inFlightBytes,
      counters: manifest.counters,
    })
  }

  /**
   * Finds out what has become of a checkpoint whose commit was left open, and whether the log is still ours (MILLRACE_FENCED). After an
   * attempt, before anything else.
   */
  async settle(): Promise<void> {
    const manifest = await this.options.log.settle()
    if (manifest !== undefined) this.inLog(manifest)
  }

  private draft(pending: PendingCheckpoint): CheckpointDraft {
    const { options, plan } = this
    const { jobName, runId, runStartedAtMs, params, clock } = options
    this.segments = options.merges.apply(this.segments)
    return draftCheckpoint({
      nonce: options.randomId(),
      jobName,
      runId,
      runStartedAtMs,
      params,
      checkpointId: pending.id,
      createdAtMs: clock.now(),
      parallelism: plan.parallelism,
      maxParallelism: plan.maxParallelism,
      final: pending.reason === 'final',
      suspended: pending.reason === 'suspend',
      planHash: this.hash,
      slots: pending.slots,
      kinds: this.kinds,
      enumerators: pending.enumerators,
      fingerprints: options.fingerprints,
      outputs: this.outputs,
      segments: this.segments,
      committables: this.takeCarried(),
      counterBase: this.counterBase,
    })
  }

  abandon(pending: PendingCheckpoint, reason: string): void {
    this.late(pending.slots.flat())
    this.options.events.checkpointFailed({ checkpointId: pending.id, reason })
    this.options.onAbandoned(pending, reason)
  }

  lost({ id: checkpointId }: PendingCheckpoint): void {
    this.options.events.checkpointFailed({ checkpointId, reason: 'under way when the attempt ended' })
  }

  late(operators: readonly OperatorSnapshot[]): void {
    this.carry(operators)
  }

  /** Publishes what the last manifest names, should that have failed. Before a new attempt: it does not do the same again. */
  async publishRest(): Promise<void> {
    if (this.unpublished !== undefined) await this.publishOutput(this.unpublished)
  }

  /** What comes in from now on belongs to the next manifest. */
  private takeCarried(): Record<string, readonly JsonValue[]> {
    const { carried } = this
    this.carried = {}
    return carried
  }

  private carry(prepared: readonly Pick<OperatorSnapshot, 'uid' | 'committables'>[]): void {
    for (const { uid, committables } of prepared) {
      if (committables !== undefined && committables.length > 0)
        this.carried[uid] = [...(this.carried[uid] ?? []), ...committables]
    }
  }

  private inLog(manifest: CheckpointManifest): void {
    this.unpublished = manifest
    this.segments = segmentsOf(manifest)
    this.options.onCompleted(manifest)
  }

  private async retire(): Promise<void> {
    const { log, events, jobName } = this.options
    try {
      await log.retire()
    } catch (error) {
      events.warn(jobName, `old checkpoints are not deleted yet: ${serializeError(error).message}`)
    }
  }

  /** Publishes what the manifest names and notes in the log, for a final one, that nothing is left to do. */
  private async publishOutput(manifest: CheckpointManifest): Promise<void> {
    const { log, committers, onCompleted } = this.options
    await committers.commit(committablesOf(manifest))
    this.published = manifest
    if (manifest.final && hasCommittables(manifest)) onCompleted(await log.append(withoutCommittables(manifest)))
    this.unpublished = undefined
  }
}

function segmentsOf(manifest: CheckpointManifest): SegmentLists {
  return Object.fromEntries(Object.entries(manifest.operators).map(([uid, o]) => [uid, o.segments]))
}

/** What a manifest's sinks have to publish. */
export function committablesOf(manifest: CheckpointManifest): Committables {
  return Object.fromEntries(Object.entries(manifest.sinks).map(([uid, sink]) => [uid, sink.committables]))
}

/** Whether a manifest still has something to publish. */
export function hasCommittables(manifest: CheckpointManifest): boolean {
  return Object.values(manifest.sinks).some((sink) => sink.committables.length > 0)
}

/** The same checkpoint after everything was published. */
export function withoutCommittables(manifest: CheckpointManifest): CheckpointManifest {
  const sinks = Object.fromEntries(
    Object.entries(manifest.sinks).map(([uid, sink]) => [uid, { ...sink, committables: [] }]),
  )
  return { ...manifest, nonce: `${manifest.nonce}-published`, sinks }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
