import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { Output } from '../../runtime/contract/output.js'
import { refusePromise, type Place } from './user-function.js'

/** Passes on the records for which the predicate is truthy. */
export class FilterOperator<T> implements Operator<T, T> {
  private readonly predicate: (value: T) => unknown
  private readonly place: Place
  private output!: Output<T>
  private uid = ''

  constructor(predicate: (value: T) => unknown, place: Place) {
    this.predicate = predicate
    this.place = place
  }

  open(ctx: OperatorContext<T>): void {
    this.output = ctx.output
    this.uid = ctx.uid
  }

  processElement(value: T, timestamp: number): void {
    const predicate = this.predicate
    const verdict = predicate(value)
    // An object would always be true.
    if (typeof verdict === 'object') refusePromise('the filter function', this.uid, this.place, verdict)
    if (verdict) this.output.emit(value, timestamp)
  }
}
