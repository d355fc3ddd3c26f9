import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { Output } from '../../runtime/contract/output.js'
import { promiseError, type Place } from './user-function.js'

/** One record out for each in, with its timestamp. */
export class MapOperator<In, Out> implements Operator<In, Out> {
  private readonly fn: (value: In) => Out
  private readonly place: Place
  private output!: Output<Out>
  private uid = ''

  constructor(fn: (value: In) => Out, place: Place) {
    this.fn = fn
    this.place = place
  }

  open(ctx: OperatorContext<Out>): void {
    this.output = ctx.output
    this.uid = ctx.uid
  }

  processElement(value: In, timestamp: number): void {
    const fn = this.fn
    const result = fn(value)
    if (result !== null && typeof result === 'object' && typeof (result as { then?: unknown }).then === 'function') {
      throw promiseError('the map function', this.uid, this.place, result)
    }
    this.output.emit(result, timestamp)
  }
}
