import type { CheckContext } from './check.js'
import type { CombinerSpec } from './combiner.js'
import type { Key } from './key.js'
import type { Operator } from './operator.js'
import type { Sink } from './sink.js'
import type { Decoder, Source, WatermarkStrategy } from './source.js'
import type { OperatorStateDescriptor, StateDescriptor } from './state.js'

/** How records are spread over the subtasks of the receiver. `forward`: stay in the slot. */
export type Partitioning =
  | { readonly kind: 'forward' }
  | { readonly kind: 'hash'; readonly keyOf: (value: never) => Key; readonly combine?: CombinerSpec }
  | { readonly kind: 'rebalance' }
  | { readonly kind: 'broadcast' }

/** From a node's main output, or its side output `tag`, into input 0 or 1 of the node that holds the edge. */
export interface GraphEdge {
  readonly from: number
  readonly tag?: string
  readonly input: 0 | 1
  readonly partitioning: Partitioning
}

interface NodeBase {
  /** Position in `JobGraph.nodes`; inputs always point to smaller ids. */
  readonly id: number
  /** Required on sources, sinks and stateful operators; generated (`map-3`) elsewhere. Unique in the job. */
  readonly uid: string
  /** For people: `tumbling window`, `filter`. */
  readonly name: string
  /** Where the user wrote it, `file:line:column`, if known. */
  readonly at?: string
}

/** Emits decoded records on the main output and `InvalidRecord`s on the side output `invalid`. */
export interface SourceNode extends NodeBase {
  readonly kind: 'source'
  readonly source: Source<never>
  /** Absent: raw records are the values. */
  readonly decoder?: Decoder<never, unknown>
  readonly watermarks: WatermarkStrategy<never>
}

/** Any operator that is neither a source nor a sink. */
export interface OperatorNode extends NodeBase {
  readonly kind: 'operator'
  readonly inputs: readonly GraphEdge[]
  /** Keyed: every input edge is a hash edge, but for broadcast ones into input 1, and keyed state and timers may be used. */
  readonly keyed: boolean
  readonly states: readonly StateDescriptor[]
  /** State of its subtasks that belongs to no key. */
  readonly operatorStates?: readonly OperatorStateDescriptor[]
  /** A record that the function fails on is dropped and counted unless the side output `failed` is read. Absent: it fails the job. */
  readonly onError?: 'drop'
  /** Its inputs bring `RedrivenRecord`s, too. */
  readonly redriven?: true
  /** A new operator for each subtask and attempt. */
  readonly create: () => Operator<never, unknown, never>
  /** See {@link CheckContext}. */
  readonly check?: (ctx: CheckContext) => Promise<void>
}

/** The end of a stream; its side output `rejected` has what it could not write. */
export interface SinkNode extends NodeBase {
  readonly kind: 'sink'
  readonly inputs: readonly GraphEdge[]
  readonly sink: Sink<never>
}

/** A node of the graph. */
export type GraphNode = SourceNode | OperatorNode | SinkNode

/** What `defineJob`'s build function makes: plain data and functions, a pure function of the parameters. */
export interface JobGraph {
  readonly nodes: readonly GraphNode[]
}

/** A job file's default export. */
export interface JobDefinition {
  readonly millraceJob: 1
  readonly name: string
  readonly params: readonly ParamSpec[]
  /** The job's own default; options win over it. */
  readonly checkpointIntervalMs?: number
  /** MILLRACE_PARAM for what is unknown, missing or does not parse; MILLRACE_GRAPH for a graph that cannot run. Pure and synchronous. */
  build(params: Readonly<Record<string, string>>): JobGraph
}

/** A parameter as `--help` and the checks see it. */
export interface ParamSpec {
  readonly name: string
  readonly description?: string
  /** As a string, as it would be given; absent: required. */
  readonly default?: string
  /** For `--help`: `duration`, `number`, `source`, `sink`... */
  readonly type: string
  /** Values never printed or checkpointed. */
  readonly secret?: boolean
  /** Where its value comes from if it is not given itself: a property group of the config file. */
  readonly fromGroup?: GroupTemplate
}

/** A value made of a property group: `kinesis://{inputStreamName}?region={region}`. */
export interface GroupTemplate {
  readonly group: string
  /** `{key}` stands for the group's property of that name. */
  readonly template: string
}
