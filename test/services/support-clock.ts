import { clockSkew, type Fault, type Outcome } from './faults/faults.js'

/** A service whose clock is ahead: every answer says so, requests signed by another clock are refused. */
export interface ServiceAhead {
  readonly fault: Fault
  /** Requests refused so far. */
  readonly refused: number
}

/** For all requests of a proxy: `times: Infinity`. */
export function serviceAhead(offsetMs: number): ServiceAhead {
  const skew = clockSkew(offsetMs)
  let refused = 0
  return {
    get refused() {
      return refused
    },
    fault: {
      name: skew.name,
      async apply(context): Promise<Outcome> {
        const outcome = await skew.apply(context)
        if (outcome !== 'untouched') {
          refused++
          return outcome
        }
        const answer = await context.forward()
        return { ...answer, headers: { ...answer.headers, date: new Date(Date.now() + offsetMs).toUTCString() } }
      },
    },
  }
}
