import type { Key } from '../../runtime/contract/key.js'
import {
  KeyedProcessOperator,
  keyedCoFunctions,
  type KeyedCoProcessFunction,
  type NoState,
} from '../process/keyed-process.js'
import { ProcessOperator, coProcessFunctions, type CoProcessFunction } from '../process/process.js'
import { describeOperatorStates, type OperatorStateDeclarations } from '../process/operator-state-declaration.js'
import { describeStates, type StateDeclarations } from '../process/state-declaration.js'
import { requireFunction } from '../process/user-function.js'
import { CallSite } from './call-site.js'
import type { Port, PortInput } from './transformation.js'
import { hashed } from './hashed.js'
import type { StreamFactory } from './stream-factory.js'
import type { ConnectedKeyedStreams, ConnectedStreams, OperatorOptions, OperatorStream } from './streams.js'

/** See {@link ConnectedStreams}. */
export class BuiltConnectedStreams<T, U> implements ConnectedStreams<T, U> {
  private readonly factory: StreamFactory
  private readonly left: readonly Port[]
  private readonly right: readonly Port[]

  constructor(factory: StreamFactory, left: readonly Port[], right: readonly Port[]) {
    this.factory = factory
    this.left = left
    this.right = right
  }

  keyBy<K extends Key>(keyOf1: (value: T) => K, keyOf2: (value: U) => K): ConnectedKeyedStreams<K, T, U> {
    const site = new CallSite()
    requireFunction(keyOf1, 'the first argument of keyBy()', site)
    requireFunction(keyOf2, 'the second argument of keyBy()', site)
    return new BuiltConnectedKeyedStreams<K, T, U>(this.factory, hashed(this.left, keyOf1), hashed(this.right, keyOf2))
  }

  process<Out = T, S extends OperatorStateDeclarations = NoState>(
    fn: CoProcessFunction<T, U, Out, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out> {
    const site = new CallSite()
    const functions = coProcessFunctions(fn, site)
    const operatorStates = describeOperatorStates(functions.state, site)
    const create = (): unknown => new ProcessOperator(functions, site)
    const work = { keyed: false, states: [], operatorStates, create }
    return this.factory.operator<Out>('co-process', bothInputs(this.left, this.right), work, site, options)
  }
}

/** See {@link ConnectedKeyedStreams}; the ports are partitioned already. */
export class BuiltConnectedKeyedStreams<K extends Key, T, U> implements ConnectedKeyedStreams<K, T, U> {
  private readonly factory: StreamFactory
  private readonly left: readonly Port[]
  private readonly right: readonly Port[]

  constructor(factory: StreamFactory, left: readonly Port[], right: readonly Port[]) {
    this.factory = factory
    this.left = left
    this.right = right
  }

  process<Out = T, S extends StateDeclarations = NoState>(
    fn: KeyedCoProcessFunction<K, T, U, Out, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out> {
    const site = new CallSite()
    const functions = keyedCoFunctions(fn, site)
    const states = describeStates(functions.state, site)
    const create = (): unknown => new KeyedProcessOperator(functions, site)
    const inputs = bothInputs(this.left, this.right)
    return this.factory.operator<Out>('keyed co-process', inputs, { keyed: true, states, create }, site, options)
  }
}

/** The left ports into input 0, the right ones into input 1. */
export function bothInputs(left: readonly Port[], right: readonly Port[]): readonly PortInput[] {
  return [...left.map((port) => ({ port, input: 0 as const })), ...right.map((port) => ({ port, input: 1 as const }))]
}
