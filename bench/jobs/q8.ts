/** Nexmark 8: persons who registered and opened an auction in the same ten seconds. */
import { defineJob, p, tumbling } from 'millrace'
import { auctionHouse } from '../lib/auction-house.js'
import { checksumSink } from '../lib/checksum-sink.js'
import { hashNewSeller, type NewSeller } from '../streams/hashes.js'
import { AUCTION, PERSON } from '../streams/nex.js'

export default defineJob({
  name: 'bench-q8',
  params: { records: p.integer() },
  build(env, { records }) {
    const all = auctionHouse(env, records)
    const persons = all.filter(({ kind }) => kind === PERSON)
    const auctions = all.filter(({ kind }) => kind === AUCTION)
    persons
      .coGroup(auctions)
      .where(({ person }) => person)
      .equalTo(({ person }) => person)
      .window(tumbling('10s'))
      .apply<NewSeller>((registered, opened, out, person, { end }) => {
        if (!isEmpty(registered) && !isEmpty(opened)) out.emit({ person, windowEnd: end })
      })
      .uid('sellers')
      .sinkTo(checksumSink(hashNewSeller), { uid: 'checksum' })
  },
})

function isEmpty(records: Iterable<unknown>): boolean {
  return records[Symbol.iterator]().next().done === true
}
