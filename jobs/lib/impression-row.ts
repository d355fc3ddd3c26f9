import { aggregator, type AccumulatorSchema, type MergeableAggregator } from 'millrace'
import type { Order, TrackedBeacon } from './tracked-beacon.js'

/** A page impression, as it is written: one row for all its beacons. */
export interface ImpressionRow {
  readonly customer: string | null
  readonly session: string
  readonly pageImpression: string
  /** Times of its first and last beacon, epoch milliseconds. */
  readonly start: number
  readonly end: number
  readonly url: string
  readonly userAgent: string
  readonly testGroup: string | null
  /** Milliseconds by name; null if no load beacon came. */
  readonly timers: Readonly<Record<string, number>> | null
  /** What happened on the page, how often. */
  readonly events: Readonly<Record<string, number>>
  readonly orders: readonly Order[]
}

/** What its beacons have said so far. Whatever order they come in, it ends up the same. */
interface Collected {
  /** The first beacon that tells of a page impression; events alone do not. */
  first: TrackedBeacon | null
  load: TrackedBeacon | null
  start: number
  end: number
  /** Time and name of each event: one that was sent twice counts once. */
  events: Map<string, string>
  orders: Map<string, number | null>
}

/** The key of a page impression. */
export function impressionKey({ customer, session, pageImpression }: TrackedBeacon): string {
  return JSON.stringify([customer, session, pageImpression])
}

/** All beacons of a page impression to its row; null if only events came. */
export const impressionRow: MergeableAggregator<TrackedBeacon, Collected, ImpressionRow | null> & AccumulatorSchema =
  aggregator({
    name: 'impressionRow',
    create: (): Collected => ({
      first: null,
      load: null,
      start: Infinity,
      end: -Infinity,
      events: new Map(),
      orders: new Map(),
    }),
    add(row, beacon: TrackedBeacon) {
      const { type, time, event, order } = beacon
      if (type !== 'event') row.first = earlier(row.first, beacon)
      if (type === 'load') row.load = earlier(row.load, beacon)
      row.start = Math.min(row.start, time)
      row.end = Math.max(row.end, time)
      if (event !== null) row.events.set(`${time} ${event}`, event)
      if (order !== null) row.orders.set(order.id, order.value)
      return row
    },
    merge(a, b) {
      a.first = earlier(a.first, b.first)
      a.load = earlier(a.load, b.load)
      a.start = Math.min(a.start, b.start)
      a.end = Math.max(a.end, b.end)
      for (const [key, event] of b.events) a.events.set(key, event)
      for (const [id, value] of b.orders) a.orders.set(id, value)
      return a
    },
    result({ first, load, start, end, events, orders }): ImpressionRow | null {
      if (first === null) return null
      const { customer, session, pageImpression, url, userAgent, testGroup } = first
      return {
        ...{ customer, session, pageImpression, start, end, url, userAgent, testGroup },
        timers: load === null ? null : sorted(Object.entries(load.timers ?? {})),
        events: counted(events.values()),
        orders: [...orders].map(([id, value]) => ({ id, value })).sort((a, b) => (a.id < b.id ? -1 : 1)),
      }
    },
  })

/** Of beacons of the same time, the one whose content comes first: any rule will do that knows no order of arrival. */
function earlier(a: TrackedBeacon | null, b: TrackedBeacon | null): TrackedBeacon | null {
  if (a === null || b === null) return a ?? b
  if (a.time !== b.time) return a.time < b.time ? a : b
  return contentOf(a) <= contentOf(b) ? a : b
}

function contentOf({ type, url, userAgent, testGroup, timers }: TrackedBeacon): string {
  return JSON.stringify([type, url, userAgent, testGroup, timers === null ? null : sorted(Object.entries(timers))])
}

function counted(events: Iterable<string>): Record<string, number> {
  const counts = new Map<string, number>()
  for (const event of events) counts.set(event, (counts.get(event) ?? 0) + 1)
  return sorted([...counts])
}

/** Names in order. `__proto__` is a name as any other. */
function sorted(entries: (readonly [string, number])[]): Record<string, number> {
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
