import { aggregator, type AccumulatorSchema, type MergeableAggregator, type Window } from 'millrace'
import type { Impression } from './impression.js'

/** A session so far. Where several records tell of one page impression, `pages` has the earliest time of each. */
interface Visited {
  count: number
  last: number
  pages: Map<string, number>
}

/** How many page impressions a session has, and when the last of them was. */
export interface Impressions {
  readonly count: number
  readonly last: number
}

/** A visitor's session, as it is written. */
export interface SessionSummary {
  readonly visitor: string
  readonly start: number
  /** Time of the last page impression. */
  readonly end: number
  readonly impressions: number
  /** Left on the first page. */
  readonly bounce: boolean
  readonly durationMs: number
}

/** Counts page impressions, each once, however many records tell of it. */
export const countImpressions: MergeableAggregator<Impression, Visited, Impressions> & AccumulatorSchema = aggregator({
  name: 'impressions',
  create: (): Visited => ({ count: 0, last: -Infinity, pages: new Map() }),
  add(session, { page, time }: Impression) {
    if (page === '') {
      session.count++
      session.last = Math.max(session.last, time)
    } else {
      seePage(session.pages, page, time)
    }
    return session
  },
  merge(a, b) {
    a.count += b.count
    a.last = Math.max(a.last, b.last)
    for (const [page, time] of b.pages) seePage(a.pages, page, time)
    return a
  },
  result({ count, last, pages }): Impressions {
    let latest = last
    for (const time of pages.values()) latest = Math.max(latest, time)
    return { count: count + pages.size, last: latest }
  },
})

/** What is written of a session. Its window starts with its first page impression. */
export function summary(visitor: string, { start }: Window, { count, last }: Impressions): SessionSummary {
  return { visitor, start, end: last, impressions: count, bounce: count === 1, durationMs: last - start }
}

function seePage(pages: Map<string, number>, page: string, time: number): void {
  const seen = pages.get(page)
  if (seen === undefined || time < seen) pages.set(page, time)
}
