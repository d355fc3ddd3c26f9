/** `dedup` over a stream in stages, with what the recovery benchmark has to see. */
import { writeFileSync } from 'node:fs'
import { boundedOutOfOrderness, defineJob, p } from 'millrace'
import { checksumSink } from '../lib/checksum-sink.js'
import { firstOrder } from '../lib/first-order.js'
import { fnv1a } from '../streams/checksum.js'
import { ORDER_DISORDER_MS, type Order } from '../streams/order.js'
import { monotonicMs, openChannel, readOrders } from './orders.js'
import { SlotLog } from './slot-log.js'
import { stagedSource } from './staged-source.js'
import { stagesOf } from './stages.js'

/** Nothing is forgotten. */
const TTL_MS = 2 ** 40

export default defineJob({
  name: 'bench-recovery',
  params: { keys: p.integer(), changed: p.integer() },
  build(env, { keys, changed }) {
    env
      .fromSource(stagedSource(stagesOf(keys, changed)), {
        uid: 'orders',
        watermarks: boundedOutOfOrderness(ORDER_DISORDER_MS, ({ ts }: Order) => ts),
      })
      .keyBy(({ orderId }) => orderId)
      .process(logged(firstOrder(TTL_MS)))
      .uid('first')
      .map(notingFirst())
      .sinkTo(
        checksumSink(({ orderId }) => fnv1a(orderId)),
        { uid: 'checksum' },
      )
  },
})

/** Logs when records come, where somebody reads it. */
function logged(fn: ReturnType<typeof firstOrder>): ReturnType<typeof firstOrder> {
  const { channel } = readOrders()
  if (channel === undefined) return fn
  let log: SlotLog | undefined
  return {
    ...fn,
    open() {
      log = new SlotLog()
      openChannel(channel).postMessage({ kind: 'log', words: log.words })
    },
    onElement(order, ctx) {
      log!.record()
      fn.onElement(order, ctx)
    },
  }
}

/** Notes when a recovering job has its first output. */
function notingFirst(): (order: Order) => Order {
  const { recovering, output } = readOrders()
  let noted = !recovering
  return (order) => {
    if (noted) return order
    noted = true
    writeFileSync(output, `${monotonicMs()}\n`, { flag: 'a' })
    return order
  }
}
