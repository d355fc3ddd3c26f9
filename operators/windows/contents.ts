import { MillraceError } from '../../runtime/contract/errors.js'
import type { Key } from '../../runtime/contract/key.js'
import type { OperatorContext } from '../../runtime/contract/operator.js'
import { atOf, isThenable, promiseError, refusePromise, type Place } from '../process/user-function.js'

/** A firing: the window, its accumulator, and whether that stays in state and may be changed by later records. */
export interface Firing<Acc> {
  readonly key: Key
  readonly start: number
  readonly end: number
  readonly acc: Acc
  readonly kept: boolean
}

/** What a window holds, apart from which windows there are: how records get in, and what comes out when it fires. */
export interface Contents<In, Acc> {
  /** Part of the state's fingerprint: what an accumulator is. */
  readonly schema: string
  create(): Acc
  add(acc: Acc, value: In): Acc
  /** May change and return `a`, never `b`. */
  merge?(a: Acc, b: Acc): Acc
  /** Whether slices may be merged, starting with a fresh accumulator, to what their records would have given one by one. */
  readonly slices: boolean
  /** Emits what comes out, with the timestamp end - 1. Returns what a user's function returned that should return nothing. */
  fire(firing: Firing<Acc>, emit: (result: unknown) => void): unknown
}

/** What is the same for all window operators: a window's contents, how late records may be, where the user wrote it. */
export interface WindowSpec<In, Acc> {
  readonly contents: Contents<In, Acc>
  readonly latenessMs: number
  /** Where late records go if somebody reads it; undefined: nowhere, they are counted. */
  readonly lateTag: string | undefined
  readonly place: Place
}

/** Fires windows of one operator subtask. Slot thread. */
export class WindowOutput<Acc> {
  private readonly ctx: OperatorContext<unknown>
  private readonly contents: Contents<never, Acc>
  private readonly place: Place
  private timestamp = 0
  private readonly emit = (result: unknown): void => {
    if (isThenable(result)) throw promiseError('the window function', this.ctx.uid, this.place, result)
    this.ctx.output.emit(result, this.timestamp)
  }

  constructor(ctx: OperatorContext<unknown>, contents: Contents<never, Acc>, place: Place) {
    this.ctx = ctx
    this.contents = contents
    this.place = place
  }

  /** Emits the results of a window of the current key. */
  fire(start: number, end: number, acc: Acc, kept: boolean): void {
    this.timestamp = end - 1
    const returned = this.contents.fire({ key: this.ctx.currentKey(), start, end, acc, kept }, this.emit)
    if (returned !== undefined) refusePromise('the window function', this.ctx.uid, this.place, returned)
  }
}

/** Throws for an accumulator that is none: `add` forgot to return it, or is async. Checked where a window begins. */
export function requireAccumulator(acc: unknown, uid: string, place: Place): void {
  if (acc === undefined) {
    throw new MillraceError('MILLRACE_USER', `the accumulator of operator "${uid}" is undefined`, {
      hint: 'create(), add() and merge() return the accumulator; a reduce function the reduced record',
      ...atOf(place),
    })
  }
  if (isThenable(acc)) throw promiseError('the aggregator', uid, place, acc)
}
