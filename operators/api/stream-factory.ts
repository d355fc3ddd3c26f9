import type { CheckContext } from '../../runtime/contract/check.js'
import type { Operator } from '../../runtime/contract/operator.js'
import type { Sink } from '../../runtime/contract/sink.js'
import type { OperatorStateDescriptor, StateDescriptor } from '../../runtime/contract/state.js'
import type { CallSite } from './call-site.js'
import type { Port, PortInput } from './transformation.js'
import type { OperatorOptions, SinkOptions, SinkResult, Stream, WindowResultStream } from './streams.js'

/** Operators of all types are kept as one; their edges say what goes in. */
export type AnyOperator = Operator<never, unknown, never>

/** An operator to add to the graph. */
export interface OperatorWork {
  readonly keyed: boolean
  readonly states: readonly StateDescriptor[]
  /** See `OperatorNode`. */
  readonly operatorStates?: readonly OperatorStateDescriptor[]
  /** A new `Operator` for each subtask and attempt. */
  readonly create: () => unknown
  /** On the main thread, before anything of the job runs: see {@link CheckContext}. */
  readonly check?: (ctx: CheckContext) => Promise<void>
}

/** Makes streams for the other builders: a stream makes keyed streams, and those streams again. */
export interface StreamFactory {
  /** A stream of those ports that is not an operator's own. */
  stream<T>(ports: readonly Port[]): Stream<T>
  /** Adds an operator; `lateTag` names its side output of late records. */
  operator<Out, T = never>(
    what: string,
    inputs: readonly PortInput[],
    work: OperatorWork,
    site: CallSite,
    options?: OperatorOptions,
    lateTag?: string,
  ): WindowResultStream<Out, T>
  /** Adds a sink. */
  sink<T>(inputs: readonly PortInput[], sink: Sink<T>, options: SinkOptions, site: CallSite): SinkResult<T>
  /** The ports of an argument that must be a stream of this job, keyed or not. MILLRACE_GRAPH if it is none. */
  own(
    stream: unknown,
    kind: 'stream' | 'keyed stream',
    what: string,
    site: CallSite,
  ): { readonly ports: readonly Port[] }
}
