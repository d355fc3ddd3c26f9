import { hex8 } from './hex.js'
import { BASE_TIME, below, EXTRA_SALT, jitter, KEY_SALT, mix32, rnd, VALUE_SALT } from './random.js'

/** An order, one a millisecond; one in twenty repeats the number of one of the million before it. */
export interface Order {
  orderId: string
  amount: number
  ts: number
}

/** How far orders may be out of order, milliseconds. */
export const ORDER_DISORDER_MS = 1000

/** How far back in the stream a repeated number may lie, records. */
export const ORDER_REACH = 1_000_000

/** The number of the order at `index`: its own, or an earlier one that it repeats. */
export function orderNumber(index: number): number {
  if (index === 0 || below(rnd(index, EXTRA_SALT), 20) !== 0) return index
  return index - 1 - below(rnd(index, VALUE_SALT), Math.min(index, ORDER_REACH))
}

/** The order of `index`. */
export function order(index: number): Order {
  return {
    orderId: 'order-' + hex8(mix32(orderNumber(index) | 0)),
    amount: below(rnd(index, KEY_SALT), 10_000),
    ts: BASE_TIME + index - jitter(index, ORDER_DISORDER_MS),
  }
}
