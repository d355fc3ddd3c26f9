/** Bids of each bidder until ten seconds without one. */
import { count, defineJob, p, session } from 'millrace'
import { auctionHouse } from '../lib/auction-house.js'
import { checksumSink } from '../lib/checksum-sink.js'
import { hashBidderSession } from '../streams/hashes.js'
import { BID } from '../streams/nex.js'

export default defineJob({
  name: 'bench-q11',
  params: { records: p.integer() },
  build(env, { records }) {
    auctionHouse(env, records)
      .filter(({ kind }) => kind === BID)
      .keyBy(({ person }) => person)
      .window(session('10s'))
      .aggregate(count(), (bidder, { start, end }, bids) => ({ bidder, count: bids, start, end }))
      .uid('sessions')
      .sinkTo(checksumSink(hashBidderSession), { uid: 'checksum' })
  },
})
