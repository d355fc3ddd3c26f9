import { MillraceError } from '../../runtime/contract/errors.js'
import type { Output } from '../../runtime/contract/output.js'
import type { OutputTag } from '../api/output-tag.js'
import type { AsyncContext } from './async-function.js'
import type { Generation } from './generations.js'
import type { QueuedRecord, Segment } from './record-queue.js'

/** A record under way and what has come of it so far; what the function sees of it. */
export class AsyncRecord<In, Out> implements AsyncContext<Out>, QueuedRecord<AsyncRecord<In, Out>> {
  done = false
  segment: Segment<AsyncRecord<In, Out>> | undefined = undefined
  readonly value: In
  readonly timestamp: number
  readonly generation: Generation
  /** Takes what the function failed with, once it is not tried again; throws what fails the job. */
  readonly failed: (error: unknown) => void
  /** Calls that failed. */
  failures = 0
  /** Which call is under way: what an earlier one still does counts no more. */
  call = 0
  /** Stops the wait before the next call. */
  cancelRetry: (() => void) | undefined = undefined
  private results: Out[] = []
  private sides: { readonly tag: string; readonly value: unknown }[] | undefined
  private aborter: AbortController | undefined

  constructor(value: In, timestamp: number, generation: Generation, failed: (error: unknown) => void) {
    this.value = value
    this.failed = failed
    this.timestamp = timestamp
    this.generation = generation
  }

  /** Made when it is asked for: most functions never do. */
  get signal(): AbortSignal {
    this.aborter ??= new AbortController()
    return this.aborter.signal
  }

  emit(value: Out): void {
    this.requireOpen()
    this.results.push(value)
  }

  output<T>(tag: OutputTag<T>, value: NoInfer<T>): void {
    this.requireOpen()
    this.sides ??= []
    this.sides.push({ tag: tag.name, value })
  }

  abort(reason: Error): void {
    this.cancelRetry?.()
    this.aborter?.abort(reason)
  }

  /** Nothing of a call that came to nothing leaves. */
  forget(): void {
    this.results = []
    this.sides = undefined
  }

  /** Side outputs first. */
  leave(main: Output<Out>, side: (tag: string) => Output<unknown>): void {
    if (this.sides !== undefined) for (const { tag, value } of this.sides) side(tag).emit(value, this.timestamp)
    for (const value of this.results) main.emit(value, this.timestamp)
  }

  private requireOpen(): void {
    if (!this.done) return
    throw new MillraceError('MILLRACE_USER', 'an asynchronous function emits for a record that is done', {
      hint: 'emit before the promise it returned is done, and await what emits; a record that timed out is done',
    })
  }
}
