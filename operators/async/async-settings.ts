import { MillraceError } from '../../runtime/contract/errors.js'
import { positiveDurationMs } from '../api/duration.js'
import { atOf, isThenable, type Place } from '../process/user-function.js'
import type { AsyncContext, AsyncFunction, AsyncMapOptions, AsyncOptions } from './async-function.js'
import type { AsyncSettings } from './async-operator.js'
import { retryDelay } from './async-retry.js'

/** Flink's default of `AsyncDataStream`. */
const CAPACITY = 100

/** The settings of an asynchronous operator, checked: MILLRACE_GRAPH for what makes no sense. Main thread and slots. */
export function asyncSettings<In, Out>(
  fn: AsyncFunction<In, Out>,
  options: AsyncOptions,
  what: string,
  place: Place,
): AsyncSettings<In, Out> {
  const given = fn as Partial<typeof fn> | undefined
  requireAsync(given?.onElement, `onElement of ${what}`, place)
  const { capacity = CAPACITY, timeout = '60s', ordered = true, retry } = (options as AsyncOptions | undefined) ?? {}
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new MillraceError('MILLRACE_GRAPH', `the capacity of ${what} must be a whole number above 0`, atOf(place))
  }
  const timeoutMs = positiveDurationMs(timeout, `the timeout of ${what}`)
  return { fn, capacity, timeoutMs, ordered, retryDelay: retryDelay(retry) }
}

/** `asyncMap`'s function as the general one. */
export function asyncMapFunction<In, Out>(
  fn: (value: In, ctx: AsyncContext<Out>) => Promise<Out> | Out,
  options: AsyncMapOptions<In, Out>,
  place: Place,
): AsyncFunction<In, Out> {
  requireAsync(fn, 'the argument of asyncMap()', place)
  const onTimeout = (options as typeof options | undefined)?.onTimeout
  return {
    onElement(value, ctx) {
      const result = fn(value, ctx)
      if (isThenable(result)) return (result as Promise<Out>).then((out) => ctx.emit(out))
      ctx.emit(result as Out)
    },
    ...(onTimeout === undefined ? {} : { onTimeout: (value, ctx) => ctx.emit(onTimeout(value)) }),
  }
}

function requireAsync(fn: unknown, what: string, place: Place): void {
  if (typeof fn === 'function') return
  throw new MillraceError('MILLRACE_GRAPH', `${what} must be a function`, atOf(place))
}
