/** Nexmark 5: the auctions with the most bids in ten seconds, every two seconds; ties included. */
import { aggregator, count, defineJob, p, sliding, tumbling } from 'millrace'
import { auctionHouse } from '../lib/auction-house.js'
import { checksumSink } from '../lib/checksum-sink.js'
import { hashHotAuction, type HotAuction } from '../streams/hashes.js'
import { BID } from '../streams/nex.js'

const hottest = aggregator({
  name: 'hottest',
  create: (): HotAuction[] => [],
  add: (best, auction: HotAuction) => {
    const most = best.length === 0 ? 0 : best[0]!.count
    if (auction.count < most) return best
    if (auction.count > most) best.length = 0
    best.push(auction)
    return best
  },
  result: (best) => best.slice(),
})

export default defineJob({
  name: 'bench-q5',
  params: { records: p.integer() },
  build(env, { records }) {
    auctionHouse(env, records)
      .filter(({ kind }) => kind === BID)
      .keyBy(({ auction }) => auction)
      .window(sliding('10s', '2s'))
      .aggregate(count(), (auction, { end }, bids): HotAuction => ({ windowEnd: end, auction, count: bids }))
      .uid('bids')
      .keyBy(({ windowEnd }) => windowEnd)
      .window(tumbling('2s'))
      .aggregate(hottest)
      .uid('hottest')
      .flatMap((auctions) => auctions)
      .sinkTo(checksumSink(hashHotAuction), { uid: 'checksum' })
  },
})
