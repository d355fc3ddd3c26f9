import type { Key } from '../../runtime/contract/key.js'
import {
  BroadcastProcessOperator,
  requireBroadcastFunction,
  type BroadcastProcessFunction,
} from '../process/broadcast-process.js'
import {
  KeyedBroadcastProcessOperator,
  type KeyedBroadcastProcessFunction,
} from '../process/keyed-broadcast-process.js'
import { requireTimerFunction, type NoState } from '../process/keyed-process.js'
import {
  describeBroadcastStates,
  describeOperatorStates,
  type BroadcastDeclarations,
  type OperatorStateDeclarations,
} from '../process/operator-state-declaration.js'
import { describeStates, type StateDeclarations } from '../process/state-declaration.js'
import { atOf, type Place } from '../process/user-function.js'
import { MillraceError } from '../../runtime/contract/errors.js'
import type { OperatorStateDescriptor } from '../../runtime/contract/state.js'
import { CallSite } from './call-site.js'
import { bothInputs } from './connected-streams.js'
import type { StreamFactory } from './stream-factory.js'
import type {
  BroadcastConnectedStream,
  BroadcastStream,
  KeyedBroadcastConnectedStream,
  OperatorOptions,
  OperatorStream,
  Stream,
} from './streams.js'
import type { Port } from './transformation.js'

/** See {@link BroadcastStream}. */
export class BuiltBroadcastStream<T, B extends BroadcastDeclarations> implements BroadcastStream<T, B> {
  readonly of: Stream<T>
  readonly states: B

  /** `of` is partitioned already. */
  constructor(of: Stream<T>, states: B, place: Place) {
    describeBroadcastStates(states, place)
    this.of = of
    this.states = states
  }
}

/** See {@link BroadcastConnectedStream}. */
export class BuiltBroadcastConnectedStream<T, U, B extends BroadcastDeclarations> implements BroadcastConnectedStream<
  T,
  U,
  B
> {
  private readonly factory: StreamFactory
  private readonly ports: readonly Port[]
  private readonly rules: BroadcastStream<U, B>
  private readonly rulesPorts: readonly Port[]

  constructor(factory: StreamFactory, ports: readonly Port[], rules: BroadcastStream<U, B>, site: CallSite) {
    this.factory = factory
    this.ports = ports
    this.rules = rules
    this.rulesPorts = factory.own(rules.of, 'stream', 'connect()', site).ports
  }

  process<Out = T, S extends OperatorStateDeclarations = NoState>(
    fn: BroadcastProcessFunction<T, U, Out, B, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out> {
    const site = new CallSite()
    requireBroadcastFunction(fn, site)
    const { states: broadcast } = this.rules
    const operatorStates = [
      ...describeOperatorStates(fn.state ?? {}, site),
      ...describeBroadcastStates(broadcast, site),
    ]
    requireDifferentNames(operatorStates, site)
    const create = (): unknown => new BroadcastProcessOperator(fn, broadcast, site)
    const work = { keyed: false, states: [], operatorStates, create }
    return this.factory.operator<Out>('broadcast process', bothInputs(this.ports, this.rulesPorts), work, site, options)
  }
}

/** See {@link KeyedBroadcastConnectedStream}. */
export class BuiltKeyedBroadcastConnectedStream<
  K extends Key,
  T,
  U,
  B extends BroadcastDeclarations,
> implements KeyedBroadcastConnectedStream<K, T, U, B> {
  private readonly factory: StreamFactory
  private readonly ports: readonly Port[]
  private readonly rules: BroadcastStream<U, B>
  private readonly rulesPorts: readonly Port[]

  constructor(factory: StreamFactory, ports: readonly Port[], rules: BroadcastStream<U, B>, site: CallSite) {
    this.factory = factory
    this.ports = ports
    this.rules = rules
    this.rulesPorts = factory.own(rules.of, 'stream', 'connect()', site).ports
  }

  process<Out = T, S extends StateDeclarations = NoState>(
    fn: KeyedBroadcastProcessFunction<K, T, U, Out, B, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out> {
    const site = new CallSite()
    requireBroadcastFunction(fn, site)
    requireTimerFunction(fn, site)
    const { states: broadcast } = this.rules
    const states = describeStates(fn.state ?? {}, site)
    const operatorStates = describeBroadcastStates(broadcast, site)
    const create = (): unknown => new KeyedBroadcastProcessOperator(fn, broadcast, site)
    const work = { keyed: true, states, operatorStates, create }
    const inputs = bothInputs(this.ports, this.rulesPorts)
    return this.factory.operator<Out>('keyed broadcast process', inputs, work, site, options)
  }
}

function requireDifferentNames(states: readonly OperatorStateDescriptor[], site: CallSite): void {
  const twice = states.find(({ name }, i) => states.findIndex((other) => other.name === name) < i)
  if (twice === undefined) return
  throw new MillraceError('MILLRACE_GRAPH', `state.${twice.name} is also the name of a broadcast state`, atOf(site))
}
