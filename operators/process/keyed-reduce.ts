import { MillraceError } from '../../runtime/contract/errors.js'
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { Output } from '../../runtime/contract/output.js'
import type { StateDescriptor, ValueState } from '../../runtime/contract/state.js'
import { atOf, isThenable, promiseError, type Place } from './user-function.js'

/** Two records into one; must be associative. It gets immutable records and returns a new one (or one of them). */
export type ReduceFunction<T> = (a: T, b: T) => T

/** The state of a {@link KeyedReduceOperator}. */
export const REDUCE_STATE: StateDescriptor = { name: 'reduced', kind: 'value', fingerprint: 'reduce/1' }

/** A running reduction: emits, for each record, what all of its key so far reduce to. Flink: `KeyedStream.reduce`. */
export class KeyedReduceOperator<T> implements Operator<T, T> {
  private readonly reduce: ReduceFunction<T>
  private readonly place: Place
  private reduced!: ValueState<T>
  private output!: Output<T>
  private uid = ''

  constructor(reduce: ReduceFunction<T>, place: Place) {
    this.reduce = reduce
    this.place = place
  }

  open(ctx: OperatorContext<T>): void {
    this.output = ctx.output
    this.uid = ctx.uid
    this.reduced = ctx.state.value<T>(REDUCE_STATE.name)
  }

  processElement(value: T, timestamp: number): void {
    const before = this.reduced.value()
    const reduce = this.reduce
    const result = before === undefined ? value : reduce(before, value)
    refuseNoReduction(result, this.uid, this.place)
    this.reduced.update(result)
    this.output.emit(result, timestamp)
  }
}

/** Throws for a reduce function that returned nothing or a promise: neither is a record. */
export function refuseNoReduction(result: unknown, uid: string, place: Place): void {
  if (result === undefined) {
    throw new MillraceError('MILLRACE_USER', `the reduce function of operator "${uid}" gave undefined`, {
      hint: 'return the reduced record; undefined cannot be reduced',
      ...atOf(place),
    })
  }
  if (isThenable(result)) throw promiseError('the reduce function', uid, place, result)
}
