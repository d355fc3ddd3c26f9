import { MillraceError } from '../../runtime/contract/errors.js'

/** A place in user code, found only when asked for. */
export interface Place {
  readonly at: string | undefined
}

/** Whether a result is a promise or anything else to be awaited. Cheap for everything that is not an object. */
export function isThenable(result: unknown): boolean {
  return result !== null && typeof result === 'object' && typeof (result as { then?: unknown }).then === 'function'
}

/** The error for a function that returned a promise while it ran. The promise's own failure is not reported a second time. */
export function promiseError(what: string, uid: string, place: Place, result: unknown): MillraceError {
  ;(result as PromiseLike<unknown>).then(undefined, () => undefined)
  return new MillraceError('MILLRACE_PROMISE', `${what} of operator "${uid}" returned a promise`, {
    hint: 'functions on records are synchronous: nothing waits for the promise',
    ...atOf(place),
  })
}

/** Throws {@link promiseError} for a promise. For results that are rarely anything at all. */
export function refusePromise(what: string, uid: string, place: Place, result: unknown): void {
  if (isThenable(result)) throw promiseError(what, uid, place, result)
}

/**
 * Checks an argument while the graph is built: MILLRACE_GRAPH if it is no function, or is `async` or a generator, whose results would be
 * taken for records (and an async filter's for true).
 */
export function requireFunction(fn: unknown, what: string, place: Place, generatorAllowed = false): void {
  if (typeof fn !== 'function') {
    throw new MillraceError('MILLRACE_GRAPH', `${what} must be a function, not ${describe(fn)}`, atOf(place))
  }
  const kind = Object.prototype.toString.call(fn)
  if (kind === '[object AsyncFunction]' || kind === '[object AsyncGeneratorFunction]') {
    throw new MillraceError('MILLRACE_GRAPH', `${what} must not be async`, {
      hint: 'functions on records are synchronous: nothing waits for the promise',
      ...atOf(place),
    })
  }
  if (kind === '[object GeneratorFunction]' && !generatorAllowed) {
    throw new MillraceError(
      'MILLRACE_GRAPH',
      `${what} must not be a generator function: its body would never run`,
      atOf(place),
    )
  }
}

/** The place as an error's option. */
export function atOf(place: Place): { readonly at?: string } {
  const { at } = place
  return at === undefined ? {} : { at }
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
