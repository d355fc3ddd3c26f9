import { record, type ProcessFunction, type Stream } from 'millrace'
import { deduplicateByTransaction } from 'millrace/connectors/dynamodb'
import type { TrackedBeacon } from './tracked-beacon.js'

/** Where orders are claimed. */
export interface OrderClaims {
  readonly table: string
  readonly salt: string
  readonly ttl: number
}

/** Beacons with each order once, and the beacons that said one again. */
export interface UniqueOrders {
  readonly beacons: Stream<TrackedBeacon>
  readonly duplicates: Stream<TrackedBeacon>
}

/**
 * A confirmation page that is loaded again says its order again, days later perhaps: the order is taken out of that beacon, which goes on
 * without it. An order is claimed in a DynamoDB table by a hash of its id, for all jobs that share the table and the salt.
 */
export function uniqueOrders(stream: Stream<TrackedBeacon>, { table, salt, ttl }: OrderClaims): UniqueOrders {
  const confirmations = stream.filter(({ order }) => order !== null)
  const { unique, duplicates, rejected } = deduplicateByTransaction(confirmations, {
    uid: 'orders',
    namespace: 'orders',
    table,
    salt,
    ttl,
    id: ({ customer, order }) => (order === null ? undefined : JSON.stringify([customer, order.id])),
    position: ({ position }) => position,
  })
  const others = stream.filter(({ order }) => order === null)
  const again = duplicates.process(withoutOrder('duplicateOrders'))
  const unclaimed = rejected.map(({ value }) => value).process(withoutOrder('rejectedOrders'))
  return { beacons: others.union(unique, again, unclaimed), duplicates }
}

function withoutOrder(counter: string): ProcessFunction<TrackedBeacon, TrackedBeacon> {
  return {
    emits: record<TrackedBeacon>(),
    onElement(beacon, ctx) {
      ctx.metrics.counter(counter).inc()
      ctx.emit({ ...beacon, order: null, position: '' })
    },
  }
}
