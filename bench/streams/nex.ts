import { BASE_TIME, below, EXTRA_SALT, jitter, KEY_SALT, rnd, VALUE_SALT } from './random.js'

/** The three kinds of auction record. */
export const PERSON = 0
export const AUCTION = 1
export const BID = 2

/**
 * A record of an auction house, ten a millisecond, in epochs of 50: 1 person, 3 auctions, 46 bids. `person` is the new
 * person, the seller or the bidder; `auction` the new auction or the one bid on, 0 for a person.
 */
export interface Nex {
  kind: typeof PERSON | typeof AUCTION | typeof BID
  auction: number
  person: number
  price: number
  ts: number
}

/** How far auction records may be out of order, milliseconds. */
export const NEX_DISORDER_MS = 1000

const FIRST_ID = 1000
const BID_SALT = KEY_SALT ^ EXTRA_SALT

/** The auction record of `index`, which must stay below 2^31 * 10. */
export function nex(index: number): Nex {
  const epoch = Math.floor(index / 50)
  const place = index - epoch * 50
  const hot = rnd(index, EXTRA_SALT)
  const kind = place === 0 ? PERSON : place <= 3 ? AUCTION : BID
  let auction = 0
  let person = epoch
  if (kind !== PERSON) person = personOf(index, epoch, hot)
  if (kind === AUCTION) auction = FIRST_ID + 3 * epoch + place - 1
  else if (kind === BID) auction = FIRST_ID + auctionBidOn(index, 3 * epoch + 2, hot)
  return {
    kind,
    auction,
    person: FIRST_ID + person,
    price: 100 + below(rnd(index, VALUE_SALT), 1_000_000),
    ts: BASE_TIME + Math.floor(index / 10) - jitter(index, NEX_DISORDER_MS),
  }
}

/** Three in four go to the person that is hot for a hundred epochs, the rest to one of the latest thousand. */
function personOf(index: number, latest: number, hot: number): number {
  if ((hot & 3) !== 0) return latest - (latest % 100)
  return latest - below(rnd(index, KEY_SALT), Math.min(latest + 1, 1000))
}

/** Every second bid goes to the auction that is hot for a hundred auctions, the rest to one of the latest hundred. */
function auctionBidOn(index: number, latest: number, hot: number): number {
  if ((hot & 4) !== 0) return latest - (latest % 100)
  return latest - below(rnd(index, BID_SALT), Math.min(latest + 1, 100))
}
