import type { Key } from '../../runtime/contract/key.js'
import {
  coGroupContents,
  joinContents,
  type CoGroupContents,
  type CoGroupFunction,
  type JoinFunction,
} from '../joins/co-group-contents.js'
import { CoGroupOperator } from '../joins/co-group-operator.js'
import { requireFunction } from '../process/user-function.js'
import type { WindowAssigner } from '../windows/assigner.js'
import { paneState } from '../windows/pane-state.js'
import { CallSite } from './call-site.js'
import { bothInputs } from './connected-streams.js'
import { durationMs } from './duration.js'
import type { Port, PortInput } from './transformation.js'
import { hashed } from './hashed.js'
import type { StreamFactory } from './stream-factory.js'
import type {
  CoGroupWindowed,
  CoGroupedStreams,
  JoinWhere,
  JoinWindowed,
  JoinedStreams,
  OperatorStream,
} from './streams.js'
import { requireAssigner } from './windowed-stream.js'

/** The two sides of a join, before their keys are known. */
export class BuiltJoinedStreams<T, U> implements JoinedStreams<T, U> {
  private readonly factory: StreamFactory
  private readonly left: readonly Port[]
  private readonly right: readonly Port[]

  constructor(factory: StreamFactory, left: readonly Port[], right: readonly Port[]) {
    this.factory = factory
    this.left = left
    this.right = right
  }

  where<K extends Key>(keyOf: (value: T) => K): JoinWhere<JoinWindowed<K, T, U>, K, U> {
    return where(this.left, this.right, keyOf, (inputs, assigner) => this.windowed<K>(inputs, assigner, 0))
  }

  private windowed<K extends Key>(
    inputs: readonly PortInput[],
    assigner: WindowAssigner,
    latenessMs: number,
  ): JoinWindowed<K, T, U> {
    return {
      allowedLateness: (lateness) => this.windowed<K>(inputs, assigner, durationMs(lateness, 'allowedLateness()')),
      apply: <Out>(fn: JoinFunction<K, T, U, Out>) => {
        const contents = (): CoGroupContents<T, U> => joinContents(fn as JoinFunction<Key, T, U, Out>)
        return add<Out, T, U>(this.factory, 'window join', inputs, { assigner, latenessMs, contents, fn })
      },
    }
  }
}

/** The two sides of a co-group, before their keys are known. */
export class BuiltCoGroupedStreams<T, U> implements CoGroupedStreams<T, U> {
  private readonly factory: StreamFactory
  private readonly left: readonly Port[]
  private readonly right: readonly Port[]

  constructor(factory: StreamFactory, left: readonly Port[], right: readonly Port[]) {
    this.factory = factory
    this.left = left
    this.right = right
  }

  where<K extends Key>(keyOf: (value: T) => K): JoinWhere<CoGroupWindowed<K, T, U>, K, U> {
    return where(this.left, this.right, keyOf, (inputs, assigner) => this.windowed<K>(inputs, assigner, 0))
  }

  private windowed<K extends Key>(
    inputs: readonly PortInput[],
    assigner: WindowAssigner,
    latenessMs: number,
  ): CoGroupWindowed<K, T, U> {
    return {
      allowedLateness: (lateness) => this.windowed<K>(inputs, assigner, durationMs(lateness, 'allowedLateness()')),
      apply: <Out = T>(fn: CoGroupFunction<K, T, U, Out>) => {
        const contents = (): CoGroupContents<T, U> => coGroupContents(fn as CoGroupFunction<Key, T, U, unknown>)
        return add<Out, T, U>(this.factory, 'window co-group', inputs, { assigner, latenessMs, contents, fn })
      },
    }
  }
}

interface JoinWork<T, U> {
  readonly assigner: WindowAssigner
  readonly latenessMs: number
  /** New for each operator. */
  readonly contents: () => CoGroupContents<T, U>
  readonly fn: unknown
}

function where<T, U, K extends Key, Windowed>(
  left: readonly Port[],
  right: readonly Port[],
  leftKey: (value: T) => K,
  windowed: (inputs: readonly PortInput[], assigner: WindowAssigner) => Windowed,
): JoinWhere<Windowed, K, U> {
  requireFunction(leftKey, 'the argument of where()', new CallSite())
  return {
    equalTo(rightKey) {
      requireFunction(rightKey, 'the argument of equalTo()', new CallSite())
      return {
        window(assigner) {
          requireAssigner(assigner, new CallSite())
          return windowed(bothInputs(hashed(left, leftKey), hashed(right, rightKey)), assigner)
        },
      }
    },
  }
}

function add<Out, T, U>(
  factory: StreamFactory,
  what: string,
  inputs: readonly PortInput[],
  { assigner, latenessMs, contents, fn }: JoinWork<T, U>,
): OperatorStream<Out> {
  const place = new CallSite()
  requireFunction(fn, 'the argument of apply()', place)
  const states = [paneState(assigner, latenessMs, contents())]
  const create = (): unknown =>
    new CoGroupOperator(assigner, { contents: contents(), latenessMs, lateTag: undefined, place })
  return factory.operator<Out>(what, inputs, { keyed: true, states, create }, place)
}
