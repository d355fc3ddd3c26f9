/** The first order of each number. */
import { boundedOutOfOrderness, defineJob, p } from 'millrace'
import { benchSource } from '../lib/bench-source.js'
import { checksumSink } from '../lib/checksum-sink.js'
import { firstOrder } from '../lib/first-order.js'
import { fnv1a } from '../streams/checksum.js'
import { order, ORDER_DISORDER_MS, type Order } from '../streams/order.js'

export default defineJob({
  name: 'bench-dedup',
  params: {
    records: p.integer(),
    ttl: p.integer(5_000_000).describe('event time until a number is forgotten, milliseconds'),
  },
  build(env, { records, ttl }) {
    env
      .fromSource(benchSource(records, order), {
        uid: 'orders',
        watermarks: boundedOutOfOrderness(ORDER_DISORDER_MS, ({ ts }: Order) => ts),
      })
      .keyBy(({ orderId }) => orderId)
      .process(firstOrder(ttl))
      .uid('first')
      .sinkTo(
        checksumSink(({ orderId }) => fnv1a(orderId)),
        { uid: 'checksum' },
      )
  },
})
