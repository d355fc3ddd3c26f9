import type { CheckContext } from '../../runtime/contract/check.js'
import type { Partitioning } from '../../runtime/contract/graph.js'
import type { Operator } from '../../runtime/contract/operator.js'
import type { Sink } from '../../runtime/contract/sink.js'
import type { Decoder, Source, WatermarkStrategy } from '../../runtime/contract/source.js'
import type { OperatorStateDescriptor, StateDescriptor } from '../../runtime/contract/state.js'
import type { DeadLetters } from './error-policy.js'
import type { CallSite } from './call-site.js'

/** Where a stream comes from, and how its records get to whoever reads it. */
export interface Port {
  readonly from: Transformation
  readonly tag?: string
  readonly partitioning: Partitioning
}

/** A port and the input it goes to. */
export interface PortInput {
  readonly port: Port
  readonly input: 0 | 1
}

/** What a transformation runs. */
export type Work =
  | {
      readonly kind: 'source'
      readonly source: Source<never>
      readonly decoder?: Decoder<never, unknown>
      readonly watermarks: WatermarkStrategy<never>
    }
  | {
      readonly kind: 'operator'
      readonly keyed: boolean
      readonly states: readonly StateDescriptor[]
      readonly operatorStates?: readonly OperatorStateDescriptor[]
      readonly create: () => Operator<never, unknown, never>
      readonly check?: (ctx: CheckContext) => Promise<void>
    }
  | { readonly kind: 'sink'; readonly sink: Sink<never> }

/** One source, operator or sink while the graph is built: uid and name may still change. */
export interface Transformation {
  readonly id: number
  /** What the user called it by: `map`, `tumbling window`. */
  readonly what: string
  readonly inputs: readonly PortInput[]
  readonly work: Work
  readonly site: CallSite
  uid: string | undefined
  name: string
  /** What becomes of records that the function fails on, unless the side output `failed` is read. Absent: the job fails. */
  onError?: 'drop' | DeadLetters
}
