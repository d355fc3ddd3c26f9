import { fnv1a, fold, fold64 } from './checksum.js'
import type { Item } from './item.js'

/** `exchange`: key, value, time. */
export function hashItem(record: Item): number {
  return fold64(fold(fnv1a(record.key), record.value), record.ts)
}

/** Result of `wind` and `windjson`: mean speed of a turbine's window in hundredths, rounded down. */
export interface WindAlert {
  turbineId: string
  windowEnd: number
  count: number
  avg100: number
}

/** A wind alert's text; its hash is {@link fnv1a} of it. */
export function windAlertText(alert: WindAlert): string {
  return `{"turbineId":"${alert.turbineId}","windowEnd":${alert.windowEnd},"count":${alert.count},"avg100":${alert.avg100}}`
}

/** Result of `sessionize`: times of a session's first and last impression, and how many. */
export interface VisitorSession {
  user: string
  first: number
  last: number
  count: number
}

/** `sessionize`: user, first, last, count, and 1 for a single impression. */
export function hashVisitorSession(session: VisitorSession): number {
  const times = fold64(fold64(fnv1a(session.user), session.first), session.last)
  return fold(fold(times, session.count), session.count === 1 ? 1 : 0)
}

/** Result of `wordcount`: how often a word has come so far. */
export interface WordCount {
  word: string
  count: number
}

/** `wordcount`: word, count. */
export function hashWordCount(result: WordCount): number {
  return fold64(fnv1a(result.word), result.count)
}

/** Result of `q5`: an auction with the most bids of a window. */
export interface HotAuction {
  windowEnd: number
  auction: number
  count: number
}

/** `q5`: window end, auction, count. */
export function hashHotAuction(result: HotAuction): number {
  return fold64(fold64(fold64(0, result.windowEnd), result.auction), result.count)
}

/** Result of `q8`: a new person who opened an auction in the same window. */
export interface NewSeller {
  person: number
  windowEnd: number
}

/** `q8`: person, window end. */
export function hashNewSeller(result: NewSeller): number {
  return fold64(fold64(0, result.person), result.windowEnd)
}

/** Result of `q11`: a bidder's session; `end` is the last bid's time plus the gap. */
export interface BidderSession {
  bidder: number
  count: number
  start: number
  end: number
}

/** `q11`: bidder, count, start, end. */
export function hashBidderSession(session: BidderSession): number {
  return fold64(fold64(fold64(fold64(0, session.bidder), session.count), session.start), session.end)
}
