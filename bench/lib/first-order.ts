import { keyedProcess, value, type KeyedProcessFunction } from 'millrace'
import type { Order } from '../streams/order.js'

const state = { seen: value<boolean>() }

/** Lets the first order of each number through; forgets the number `ttl` milliseconds of event time later. */
export function firstOrder(ttl: number): KeyedProcessFunction<string, Order, Order, typeof state> {
  return keyedProcess<string, Order, Order, typeof state>({
    state,
    onElement(order, ctx) {
      if (ctx.state.seen.value() !== undefined) return
      ctx.state.seen.update(true)
      ctx.timers.registerEventTimer(order.ts + ttl)
      ctx.emit(order)
    },
    onTimer(_time, ctx) {
      ctx.state.seen.clear()
    },
  })
}
