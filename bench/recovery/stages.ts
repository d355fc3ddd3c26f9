// The stream of the recovery benchmark, in stages one behind the other; record i depends on i alone. A stage of repeats is far longer than
// any run: a split leaves it when it is told to.
//
//   fill: every key once | repeats | change: a share of new keys | repeats | after: new keys, so each gives output
import { hex8 } from '../streams/hex.js'
import { ORDER_DISORDER_MS, type Order } from '../streams/order.js'
import { BASE_TIME, below, EXTRA_SALT, jitter, KEY_SALT, mix32, rnd } from '../streams/random.js'

/** Records of a stage of repeats. */
const ENDLESS = 2 ** 30
/** New keys of the last stage. It has no end: at the end of time all state would go, which is not what is measured. */
const AFTER = 10_000

/** A stage: from which record on, and the number of its first new key; -1 for repeats. */
export interface Stage {
  readonly from: number
  readonly firstKey: number
}

/** The stages of a run over so many keys. */
export interface Stages {
  readonly fill: Stage
  readonly repeats: Stage
  readonly change: Stage
  readonly quiet: Stage
  readonly after: Stage
  /** The first record behind the last stage; nobody reads it. */
  readonly end: number
  /** Keys of all stages. */
  readonly keys: number
}

/** `changed`: new keys of the stage of change. */
export function stagesOf(keys: number, changed: number): Stages {
  const repeats = keys
  const change = repeats + ENDLESS
  const quiet = change + changed
  const after = quiet + ENDLESS
  return {
    fill: { from: 0, firstKey: 0 },
    repeats: { from: repeats, firstKey: -1 },
    change: { from: change, firstKey: keys },
    quiet: { from: quiet, firstKey: -1 },
    after: { from: after, firstKey: keys + changed },
    end: after + AFTER,
    keys: keys + changed + AFTER,
  }
}

/** The record of an index. */
export function orderAt(stages: Stages, index: number): Order {
  return {
    orderId: 'order-' + hex8(mix32(keyAt(stages, index) | 0)),
    amount: below(rnd(index, KEY_SALT), 10_000),
    ts: BASE_TIME + index - jitter(index, ORDER_DISORDER_MS),
  }
}

function keyAt({ fill, repeats, change, quiet, after }: Stages, index: number): number {
  if (index < repeats.from) return fill.firstKey + index
  if (index >= after.from) return after.firstKey + index - after.from
  if (index >= change.from && index < quiet.from) return change.firstKey + index - change.from
  return below(rnd(index, EXTRA_SALT), repeats.from)
}
