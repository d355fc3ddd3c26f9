/** How long each visitor stays. */
import { aggregator, boundedOutOfOrderness, defineJob, p, session } from 'millrace'
import { benchSource } from '../lib/bench-source.js'
import { checksumSink } from '../lib/checksum-sink.js'
import { hashVisitorSession } from '../streams/hashes.js'
import { impression, IMPRESSION_DISORDER_MS, type Impression } from '../streams/impression.js'

const visit = aggregator({
  name: 'visit',
  create: () => ({ first: Infinity, last: -Infinity, count: 0 }),
  add: (acc, { ts }: Impression) => {
    if (ts < acc.first) acc.first = ts
    if (ts > acc.last) acc.last = ts
    acc.count++
    return acc
  },
  result: ({ first, last, count }) => ({ first, last, count }),
  merge: (a, b) => {
    a.first = Math.min(a.first, b.first)
    a.last = Math.max(a.last, b.last)
    a.count += b.count
    return a
  },
})

export default defineJob({
  name: 'bench-sessionize',
  params: { records: p.integer() },
  build(env, { records }) {
    env
      .fromSource(benchSource(records, impression), {
        uid: 'impressions',
        watermarks: boundedOutOfOrderness(IMPRESSION_DISORDER_MS, ({ ts }: Impression) => ts),
      })
      .keyBy(({ user }) => user)
      .window(session('30m'))
      .aggregate(visit, (user, _window, { first, last, count }) => ({ user, first, last, count }))
      .uid('visits')
      .sinkTo(checksumSink(hashVisitorSession), { uid: 'checksum' })
  },
})
