import { MillraceError } from '../contract/errors.js'
import type { OperatorNode, Partitioning, SinkNode, SourceNode } from '../contract/graph.js'
import type { Key } from '../contract/key.js'
import type { Output } from '../contract/output.js'
import type { JsonValue } from '../contract/json.js'
import type { SourceReader } from '../contract/source.js'
import { MIN_WATERMARK, type Clock } from '../contract/time.js'
import { catchesFailures } from '../plan/failure-policy.js'
import { nodeOf, type ExecutionPlan, type PlanEdge, type Task } from '../plan/plan.js'
import type { AssignedSplit, OperatorRestore, SlotAssignment } from '../worker/protocol.js'
import type { ChannelTable } from './channel-table.js'
import { LocalMetrics } from './counters.js'
import { Decoding } from './decoding.js'
import { DriftTable } from './drift.js'
import { fanout } from './fanout.js'
import { InputGate, type GateChannel } from './input-gate.js'
import { lenientKey } from './lenient-key.js'
import type { Link, SubtaskInfo } from './link.js'
import { OperatorLink, type OperatorWiring } from './operator-link.js'
import { createRecordWriter, type RecordWriter } from './record-writer.js'
import { countRecordsOut, showWatermarks, type Counting } from './operator-metrics.js'
import { SinkLink } from './sink-link.js'
import type { Slot } from './slot.js'
import { SourceDriver } from './source-driver.js'
import { Subtask, type SourceHead } from './subtask.js'
import { UnreadInvalid } from './unread-invalid.js'
import type { BackendFactory } from './backend-factory.js'
import type { OperatorStateFiles } from './operator-state-files.js'

/** What a slot's subtasks are built from. */
export interface BuildOptions {
  readonly plan: ExecutionPlan
  readonly assignment: SlotAssignment
  readonly slot: Slot
  readonly clock: Clock
  readonly channels: ChannelTable
  readonly backends: BackendFactory
  readonly operatorStates: OperatorStateFiles
}

/** Builds, restores and opens all subtasks of a slot, in the plan's order. Slot thread. */
export async function buildSubtasks(options: BuildOptions): Promise<Subtask[]> {
  const subtasks: Subtask[] = []
  for (const task of options.plan.tasks) subtasks.push(await new SubtaskBuilder(options, task).build())
  return subtasks
}

class SubtaskBuilder {
  private readonly options: BuildOptions
  private readonly task: Task
  private readonly info: SubtaskInfo
  private readonly inputs = new Map<number, Output<unknown>>()
  private readonly writers = new Map<number, RecordWriter>()
  private readonly links: Link[] = []
  /** What each node of the chain has received. */
  private readonly received = new Map<number, Counting>()
  private subtask: Subtask | undefined

  constructor(options: BuildOptions, task: Task) {
    this.options = options
    this.task = task
    const { jobId, runId, slot, parallelism, maxParallelism, attempt, epoch } = options.assignment
    this.info = { jobId, runId, subtask: slot, parallelism, maxParallelism, attempt, epoch }
  }

  async build(): Promise<Subtask> {
    const { task, options } = this
    for (const edge of task.outputs) this.writers.set(edge.id, this.writer(edge))
    const [head, ...rest] = task.nodes
    for (const id of [...rest].reverse()) await this.addLink(id)
    const headNode = nodeOf(options.plan, head!)
    if (headNode.kind !== 'source') await this.addLink(head!)
    this.links.reverse()
    for (const link of this.links) await link.open(this.restoreOf(link.uid))
    const watermark = this.restoreOf(headNode.uid)?.watermark ?? MIN_WATERMARK
    const source = headNode.kind === 'source' ? this.source(headNode) : undefined
    this.subtask = new Subtask({
      task: task.id,
      links: this.links,
      writers: [...this.writers.values()],
      restoredWatermark: watermark,
      host: {
        clock: options.clock,
        wake: () => options.slot.wake(),
        fail: (error) => options.slot.fail(error),
        snapshotBegins: (task) => options.slot.snapshotBegins(task),
        snapshotTaken: (snapshot) => options.slot.snapshotTaken(snapshot),
        finished: (id) => options.slot.finished(id),
      },
      ...(source !== undefined ? { source } : {}),
    })
    const { subtask } = this
    if (source === undefined) subtask.connect(new InputGate(this.gateChannels(), subtask, watermark))
    return subtask
  }

  private restoreOf(uid: string): OperatorRestore | undefined {
    return this.options.assignment.restore?.operators[uid]
  }

  private async addLink(id: number): Promise<void> {
    const node = nodeOf(this.options.plan, id)
    if (node.kind === 'source') throw new MillraceError('MILLRACE_INTERNAL', `source "${node.uid}" inside a chain`)
    const link =
      node.kind === 'sink'
        ? new SinkLink(node, this.wiring(node))
        : new OperatorLink(node, await this.statefulWiring(node))
    this.inputs.set(id, link.input)
    this.received.set(id, link.metrics.counter('numRecordsIn'))
    if (node.kind === 'operator') countRecordsOut(link.metrics, this.countersBehind(id))
    this.links.push(link)
  }

  private async statefulWiring(node: OperatorNode): Promise<OperatorWiring> {
    const { backends, operatorStates, plan } = this.options
    const restore = this.restoreOf(node.uid)
    const operatorState = await operatorStates.open(node, restore?.operatorState ?? {})
    const wiring = {
      ...this.wiring(node),
      catchesFailures: catchesFailures(plan.graph, node),
      ...(operatorState === undefined ? {} : { operatorState }),
    }
    return node.keyed ? { ...wiring, backend: await backends.create(node, restore) } : wiring
  }

  private wiring(node: OperatorNode | SinkNode | SourceNode): OperatorWiring {
    const { slot, clock } = this.options
    return {
      info: this.info,
      clock,
      output: this.outputOf(node.id, undefined),
      sideOutput: (tag) => this.outputOf(node.id, tag),
      hasSideOutput: (tag) => this.targetsOf(node.id, tag).length > 0,
      print: (line) => slot.print(line),
      warn: (uid, message) => slot.warn(uid, message),
    }
  }

  /** Chained operators and channel writers that a node's output (main: tag undefined) reaches. */
  private targetsOf(id: number, tag: string | undefined): Output<unknown>[] {
    const chained = this.task.chained
      .filter((c) => c.fromNode === id && c.tag === tag)
      .map((c) => this.inputs.get(c.toNode)!)
    const written = this.task.outputs
      .filter((e) => e.fromNode === id && e.tag === tag)
      .map((e) => this.writers.get(e.id)!)
    return [...chained, ...written]
  }

  /** For each of a node's outputs that is read, what counts its records. */
  private countersBehind(id: number): Counting[] {
    const { chained, outputs } = this.task
    const byTag = new Map<string | undefined, Counting>()
    for (const { fromNode, tag, toNode } of chained) if (fromNode === id) byTag.set(tag, this.received.get(toNode)!)
    for (const edge of outputs) if (edge.fromNode === id) byTag.set(edge.tag, this.writers.get(edge.id)!)
    return [...byTag.values()]
  }

  private outputOf(id: number, tag: string | undefined): Output<unknown> {
    return fanout(this.targetsOf(id, tag))
  }

  private writer(edge: PlanEdge): RecordWriter {
    const { channels, plan, assignment } = this.options
    const { uid } = nodeOf(plan, edge.toNode)
    const receiver = { maxParallelism: plan.maxParallelism, subtask: assignment.slot, uid }
    const partitioning = partitioningOf(plan, edge)
    return createRecordWriter({ ...edge, partitioning }, channels.writers(edge), receiver)
  }

  private gateChannels(): GateChannel[] {
    return this.task.inputs.flatMap((edge) =>
      this.options.channels
        .readers(edge)
        .map((reader) => ({ reader, input: edge.input, keyOf: keyOfEdge(partitioningOf(this.options.plan, edge)) })),
    )
  }

  private invalidOutput(node: SourceNode): Output<unknown> {
    const { slot, clock } = this.options
    if (this.targetsOf(node.id, 'invalid').length > 0) return this.outputOf(node.id, 'invalid')
    return new UnreadInvalid(clock, (message) => slot.warn(node.uid, message))
  }

  /** Begins to send what was emitted so far; the result says whether the next tasks have taken it. */
  private sending(): () => boolean {
    const sent = this.subtask!.send()
    let taken: (() => boolean)[] | undefined
    return () => {
      if (taken === undefined && sent()) taken = [...this.writers.values()].map((writer) => writer.taken())
      return taken?.every((one) => one()) === true
    }
  }

  private source(node: SourceNode): SourceHead {
    const { plan, assignment, clock, slot } = this.options
    const metrics = new LocalMetrics()
    const counters = {
      recordsIn: metrics.counter('numRecordsIn'),
      invalidRecords: metrics.counter('numInvalidRecords'),
    }
    countRecordsOut(metrics, this.countersBehind(node.id))
    const watermark = (): number => (this.subtask!.isIdle ? NaN : this.subtask!.currentWatermark)
    showWatermarks(metrics, watermark, watermark)
    const decoding = new Decoding(node, this.outputOf(node.id, undefined), this.invalidOutput(node), counters)
    const { jobId, runId, subtask, parallelism, attempt } = this.info
    const reader = node.source.createReader({
      uid: node.uid,
      jobId,
      runId,
      subtask,
      parallelism,
      attempt,
      clock,
      metrics: metrics.forOthers(),
      warn: (message) => slot.warn(node.uid, message),
    }) as SourceReader<unknown, JsonValue>
    const sources = plan.graph.nodes.filter((n) => n.kind === 'source')
    const drift = new DriftTable(assignment.drift, sources.indexOf(node), assignment.parallelism, assignment.slot)
    const host = {
      wake: () => slot.wake(),
      wakeOthers: () => slot.wakeOthers(),
      fail: (error: unknown) => slot.fail(error),
      send: () => this.sending(),
      applied: () => this.subtask!.currentWatermark,
      emitted: () => this.subtask!.emittedWatermark,
      splitFinished: (split: AssignedSplit) => slot.splitFinished(node.uid, split),
      splitCaughtUp: (splitId: string) => slot.splitCaughtUp(node.uid, splitId),
    }
    const driver = new SourceDriver({ node, reader, decoding, drift, clock, host })
    return { uid: node.uid, driver, metrics }
  }
}

/** A record without a key is a failure of the operator that is keyed by it, which deals with it if it deals with any. */
function partitioningOf(plan: ExecutionPlan, { partitioning, toNode }: PlanEdge): Partitioning {
  const receiver = nodeOf(plan, toNode)
  if (partitioning.kind !== 'hash' || receiver.kind !== 'operator' || !catchesFailures(plan.graph, receiver))
    return partitioning
  return { ...partitioning, keyOf: lenientKey(partitioning.keyOf as (value: unknown) => Key) }
}

function keyOfEdge(partitioning: Partitioning): ((value: unknown) => Key) | undefined {
  return partitioning.kind === 'hash' ? (partitioning.keyOf as (value: unknown) => Key) : undefined
}
