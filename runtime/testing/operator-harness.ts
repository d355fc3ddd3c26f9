import { KeyGrouper, subtaskOf } from '../codec/key-group.js'
import { MillraceError } from '../contract/errors.js'
import type { JobDefinition, JobGraph, OperatorNode } from '../contract/graph.js'
import type { Key } from '../contract/key.js'
import type { Output } from '../contract/output.js'
import { MAX_WATERMARK, MIN_WATERMARK } from '../contract/time.js'
import { operatorStateRecords, operatorStateRestores } from '../coordinator/operator-state-plan.js'
import { catchesFailures, isRead } from '../plan/failure-policy.js'
import { lenientKey } from '../task/lenient-key.js'
import type { Collected } from './collect-sink.js'
import { deepFreeze } from './deep-freeze.js'
import { HarnessSubtask, type SubtaskRestore, type SubtaskState } from './harness-subtask.js'
import { VirtualClock } from './virtual-clock.js'

/** How an operator is driven by hand. */
export interface OperatorHarnessOptions {
  /** Of the job. */
  readonly params?: Readonly<Record<string, string>>
  /** How many subtasks the operator has; records go to theirs by key. Default 1. */
  readonly parallelism?: number
  /** Default 128; that of the snapshot, if there is one. */
  readonly maxParallelism?: number
  /** Where the clock stands at first, epoch milliseconds. Default 0. */
  readonly processingTime?: number
  /** Goes on from what another harness of the same operator left, at any parallelism. */
  readonly restore?: HarnessSnapshot
}

/** The state of an operator, timers included. Keep it as it is and hand it to another harness. */
export interface HarnessSnapshot {
  readonly uid: string
  readonly maxParallelism: number
  readonly subtasks: readonly SubtaskState[]
}

/**
 * One operator of a job, driven by hand: records, watermarks, the clock, checkpoints. What it emits is collected and frozen, as is what it
 * stores: a function that changes a record it has emitted, or a value it has stored, throws. Made by {@link operatorHarness}.
 */
export class OperatorHarness<Out = unknown> {
  /** What came out, in order. Emptied by {@link take}. */
  readonly records: Collected<Out>[] = []
  /** Lines that the operator printed. */
  readonly printed: string[] = []
  readonly warnings: string[] = []
  private readonly node: OperatorNode
  private readonly graph: JobGraph
  private readonly subtasks: HarnessSubtask[]
  private readonly maxParallelism: number
  private readonly clock: VirtualClock
  private readonly grouper: KeyGrouper
  private readonly sides = new Map<string, Collected<unknown>[]>()
  private watermark = MIN_WATERMARK
  private checkpoints = 0
  private next = 0

  /** @internal Use {@link operatorHarness}. */
  constructor(job: JobDefinition, graph: JobGraph, node: OperatorNode, options: OperatorHarnessOptions) {
    const { parallelism = 1, restore } = options
    this.node = node
    this.graph = graph
    this.clock = new VirtualClock(options.processingTime ?? 0)
    this.maxParallelism = restore?.maxParallelism ?? options.maxParallelism ?? 128
    this.grouper = new KeyGrouper(this.maxParallelism)
    if (restore !== undefined) this.watermark = Math.min(...restore.subtasks.map(({ watermark }) => watermark))
    this.subtasks = Array.from({ length: parallelism }, (_, subtask) =>
      this.subtask(job, subtask, parallelism, restore),
    )
  }

  /** @internal */
  async open(): Promise<this> {
    for (const subtask of this.subtasks) await subtask.open()
    return this
  }

  /** The operator takes a record; `input` 1 is the second one of a connected operator. */
  push(value: unknown, timestamp: number, input: 0 | 1 = 0): void {
    deepFreeze(value)
    const edge = this.node.inputs.find((other) => other.input === input)
    if (edge === undefined)
      throw new MillraceError('MILLRACE_USAGE', `operator "${this.node.uid}" has no input ${input}`)
    if (edge.partitioning.kind === 'broadcast') {
      for (const subtask of this.subtasks) subtask.process(value, timestamp, input)
      return
    }
    if (edge.partitioning.kind !== 'hash') {
      this.subtasks[this.next]!.process(value, timestamp, input)
      this.next = (this.next + 1) % this.subtasks.length
      return
    }
    const keyOf = edge.partitioning.keyOf as (value: unknown) => Key
    const key = (catchesFailures(this.graph, this.node) ? lenientKey(keyOf) : keyOf)(value)
    const group = this.grouper.groupOf(key)
    this.subtasks[subtaskOf(group, this.maxParallelism, this.subtasks.length)]!.process(value, timestamp, input, {
      key,
      group,
    })
  }

  /** Event time is at `watermark`: fires event timers. One that is not ahead of the last is ignored. */
  advanceWatermark(watermark: number): void {
    if (!(watermark > this.watermark)) return
    this.watermark = watermark
    for (const subtask of this.subtasks) subtask.advanceWatermark(watermark)
  }

  /** The clock is at `epochMs`: fires processing-time timers, each at its time. */
  advanceProcessingTime(epochMs: number): void {
    for (;;) {
      const due = Math.min(...this.subtasks.map((subtask) => subtask.nextProcessingTimer()))
      if (due > epochMs) break
      for (const subtask of this.subtasks) subtask.advanceProcessingTime(this.clock, Math.max(due, this.clock.now()))
    }
    this.clock.advanceTo(epochMs)
  }

  /** Resolves when an asynchronous operator works on no record any more. Time-outs and retries wait for {@link advanceProcessingTime}. */
  async settled(): Promise<void> {
    for (const subtask of this.subtasks) await subtask.settled()
  }

  /** How far event time has come behind the operator: an asynchronous one holds it back behind its records. */
  get outputWatermark(): number {
    return Math.min(...this.subtasks.map((subtask) => subtask.outputWatermark))
  }

  /** The input ends: the last watermark, then the operator's `finish`. */
  async finish(): Promise<void> {
    this.advanceWatermark(MAX_WATERMARK)
    for (const subtask of this.subtasks) await subtask.finish()
  }

  /** A completed checkpoint. The operator goes on. */
  async snapshot(): Promise<HarnessSnapshot> {
    const id = ++this.checkpoints
    const subtasks: SubtaskState[] = []
    for (const subtask of this.subtasks) subtasks.push(await subtask.snapshot(id))
    return { uid: this.node.uid, maxParallelism: this.maxParallelism, subtasks }
  }

  async close(): Promise<void> {
    for (const subtask of this.subtasks) await subtask.close()
  }

  /** The values that came out. */
  values(): Out[] {
    return this.records.map(({ value }) => value)
  }

  /** The values that came out since the last call. */
  take(): Out[] {
    return this.records.splice(0).map(({ value }) => value)
  }

  /** What came out of a side output: a tag or its name; `late` for late records. */
  sideOutput<T>(tag: string | { readonly name: string }): readonly Collected<T>[] {
    return this.side(typeof tag === 'string' ? tag : tag.name) as Collected<T>[]
  }

  /** A counter of the operator, such as `numLateRecordsDropped`, over all subtasks of this harness. */
  counter(name: string): number {
    return this.subtasks.reduce((sum, subtask) => sum + (subtask.counters()[name] ?? 0), 0)
  }

  pendingEventTimers(): number {
    return this.subtasks.reduce((sum, subtask) => sum + subtask.pendingEventTimers(), 0)
  }

  private subtask(
    job: JobDefinition,
    subtask: number,
    parallelism: number,
    restore: HarnessSnapshot | undefined,
  ): HarnessSubtask {
    const { maxParallelism, clock, node, graph } = this
    const info = { jobId: job.name, runId: 'harness', subtask, parallelism, maxParallelism, attempt: 1, epoch: 1 }
    const wiring = {
      info,
      clock,
      output: collecting(this.records, subtask),
      sideOutput: (tag: string) => collecting(this.side(tag), subtask),
      hasSideOutput: (tag: string) => isRead(graph, node.id, tag),
      catchesFailures: catchesFailures(graph, node),
      print: (line: string) => void this.printed.push(line),
      warn: (uid: string, message: string) => void this.warnings.push(`${uid}: ${message}`),
    }
    return new HarnessSubtask(node, wiring, restore === undefined ? undefined : shareOf(restore, subtask, parallelism))
  }

  private side(tag: string): Collected<unknown>[] {
    let records = this.sides.get(tag)
    if (records === undefined) this.sides.set(tag, (records = []))
    return records
  }
}

/**
 * Drives one operator of a job, as `operatorHarness(job, 'averages')`. Whether somebody reads a side output, such as that of late records,
 * is as in the job. MILLRACE_USAGE when the job has no operator of that uid, or the snapshot is another one's.
 */
export async function operatorHarness<Out = unknown>(
  job: JobDefinition,
  uid: string,
  options: OperatorHarnessOptions = {},
): Promise<OperatorHarness<Out>> {
  const graph = job.build(options.params ?? {})
  const node = graph.nodes.find((other) => other.uid === uid)
  if (node?.kind !== 'operator') {
    const uids = graph.nodes.flatMap((other) => (other.kind === 'operator' ? [other.uid] : []))
    throw new MillraceError('MILLRACE_USAGE', `job ${job.name} has no operator "${uid}"`, {
      hint: `it has ${uids.join(', ')}`,
    })
  }
  if (options.restore !== undefined && options.restore.uid !== uid) {
    throw new MillraceError('MILLRACE_USAGE', `the snapshot is of operator "${options.restore.uid}", not of "${uid}"`)
  }
  return new OperatorHarness<Out>(job, graph, node, options).open()
}

/** What a subtask of a restored operator starts from; rows of other key groups are its own to leave out. */
function shareOf({ subtasks }: HarnessSnapshot, subtask: number, parallelism: number): SubtaskRestore {
  return {
    watermark: Math.min(...subtasks.map(({ watermark }) => watermark)),
    rows: subtasks.flatMap(({ rows }) => rows),
    operatorState: operatorStateRestores(operatorStateRecords(subtasks), subtask, parallelism, subtasks.length),
    schema: subtasks[0]?.schema ?? [],
  }
}

function collecting<T>(records: Collected<T>[], subtask: number): Output<unknown> {
  return { emit: (value, timestamp) => void records.push({ value: value as T, timestamp, subtask }) }
}
