import type { Beacon, BeaconRefusal, BeaconType } from './beacon.js'
import { field } from './json-field.js'
import { isWellFormed } from './well-formed.js'

/** A beacon with all that goes into the row of its page impression. */
export interface TrackedBeacon {
  /** The website; null where the beacon does not say. */
  readonly customer: string | null
  readonly session: string
  readonly pageImpression: string
  readonly time: number
  readonly type: BeaconType
  readonly url: string
  readonly userAgent: string
  readonly testGroup: string | null
  /** Milliseconds by name, of a load. */
  readonly timers: Readonly<Record<string, number>> | null
  /** What happened, of an event. */
  readonly event: string | null
  /** The order that the page confirms. */
  readonly order: Order | null
  /** Where the beacon came from, of no other beacon the same; the empty text where there is no order. */
  readonly position: string
}

/** An order as the page says it. */
export interface Order {
  /** Unique for its customer. */
  readonly id: string
  readonly value: number | null
}

/** Of a website's name, percent-encoded as it stands in paths of S3, whose keys have 1,024 bytes at most. */
const MAX_CUSTOMER_BYTES = 512

/** All that a beacon says beyond what every beacon must. Its optional fields may be missing, not of another form. */
export function tracked(said: unknown, beacon: Beacon, position: () => string): TrackedBeacon | BeaconRefusal {
  const { session, pageImpression, time, type, url, userAgent } = beacon
  const customer = field(said, 'customer') ?? null
  if (customer !== null && typeof customer !== 'string') return { reason: 'customer is not a string' }
  if (customer !== null && !isName(customer))
    return { reason: `customer is no name of ${MAX_CUSTOMER_BYTES} bytes at most` }
  const testGroup = field(said, 'testGroup') ?? null
  if (testGroup !== null && typeof testGroup !== 'string') return { reason: 'testGroup is not a string' }
  const order = orderIn(field(said, 'order') ?? null)
  if (order !== null && 'reason' in order) return order
  return {
    ...{ customer, session, pageImpression, time, type, url, userAgent, testGroup },
    timers: type === 'load' ? (field(said, 'timers') as Record<string, number>) : null,
    event: type === 'event' ? (field(said, 'event') as string) : null,
    order,
    position: order === null ? '' : position(),
  }
}

/** Its encoding is never shorter than the text itself. */
function isName(text: string): boolean {
  return (
    text.length <= MAX_CUSTOMER_BYTES && isWellFormed(text) && encodeURIComponent(text).length <= MAX_CUSTOMER_BYTES
  )
}

function orderIn(order: unknown): Order | BeaconRefusal | null {
  if (order === null) return null
  const id = field(order, 'id')
  const value = field(order, 'value') ?? null
  if (typeof id !== 'string' || id === '') return { reason: 'order has no id' }
  if (value !== null && typeof value !== 'number') return { reason: "order's value is not a number" }
  return { id, value }
}
