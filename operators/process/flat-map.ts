import { MillraceError } from '../../runtime/contract/errors.js'
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { Output } from '../../runtime/contract/output.js'
import { NO_TIMESTAMP } from '../../runtime/contract/time.js'
import type { Collector } from './collector.js'
import { atOf, refusePromise, type Place } from './user-function.js'

/** Any number of records out for each in: those emitted to `out`, and those of an iterable that is returned. */
export type FlatMapFunction<In, Out> = (value: In, out: Collector<Out>) => Iterable<Out> | void

/** Runs a {@link FlatMapFunction}; what it emits carries the timestamp of the record that went in. */
export class FlatMapOperator<In, Out> implements Operator<In, Out>, Collector<Out> {
  private readonly fn: FlatMapFunction<In, Out>
  private readonly place: Place
  private output!: Output<Out>
  private timestamp = NO_TIMESTAMP
  private uid = ''

  constructor(fn: FlatMapFunction<In, Out>, place: Place) {
    this.fn = fn
    this.place = place
  }

  open(ctx: OperatorContext<Out>): void {
    this.output = ctx.output
    this.uid = ctx.uid
  }

  processElement(value: In, timestamp: number): void {
    this.timestamp = timestamp
    const fn = this.fn
    const results = fn(value, this)
    if (results === undefined) return
    if (Array.isArray(results)) {
      for (let i = 0; i < results.length; i++) this.output.emit(results[i] as Out, timestamp)
      return
    }
    refusePromise('the flatMap function', this.uid, this.place, results)
    this.emitAll(results, timestamp)
  }

  emit(value: Out): void {
    this.output.emit(value, this.timestamp)
  }

  private emitAll(results: Iterable<Out>, timestamp: number): void {
    if (
      typeof (results as Partial<Iterable<Out>> | null)?.[Symbol.iterator] !== 'function' ||
      typeof results === 'string'
    ) {
      throw new MillraceError(
        'MILLRACE_USER',
        `the flatMap function of operator "${this.uid}" returned something that is no iterable`,
        {
          hint: 'return an iterable of records, or nothing and emit to its second argument',
          ...atOf(this.place),
        },
      )
    }
    for (const result of results) this.output.emit(result, timestamp)
  }
}
