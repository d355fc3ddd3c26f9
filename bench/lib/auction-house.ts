import { boundedOutOfOrderness, type SourceStream, type StreamEnvironment } from 'millrace'
import { nex, NEX_DISORDER_MS, type Nex } from '../streams/nex.js'
import { benchSource } from './bench-source.js'

/** Persons, auctions and bids, for `q5`, `q8` and `q11`. */
export function auctionHouse(env: StreamEnvironment, records: number): SourceStream<Nex> {
  return env.fromSource(benchSource(records, nex), {
    uid: 'auction-house',
    watermarks: boundedOutOfOrderness(NEX_DISORDER_MS, ({ ts }: Nex) => ts),
  })
}
