import type { BroadcastChannel } from 'node:worker_threads'
import { NO_TIMESTAMP, type Source } from 'millrace'
import { datagen, type DatagenSource, type DatagenSplit } from 'millrace/connectors/datagen'
import type { Order } from '../streams/order.js'
import { monotonicMs, openChannel, readOrders } from './orders.js'
import { orderAt, type Stages } from './stages.js'

type SplitReader = Awaited<ReturnType<ReturnType<Source<Order, DatagenSplit>['createReader']>['openSplit']>>

/** The records of all stages; split s of P has s, s + P, s + 2P... of each. */
export function stagedSource(stages: Stages): DatagenSource<Order> {
  const source = datagen({ generate: (index) => orderAt(stages, index) })
  return {
    ...source,
    createReader: () => ({ openSplit: ({ split }) => new StagedReader(stages, split) }),
  }
}

/** Reads one split, as fast as records are taken. Slot thread. */
class StagedReader implements SplitReader {
  private readonly stages: Stages
  private readonly split: DatagenSplit
  private readonly channel: BroadcastChannel | undefined
  private next: number
  /** Stages that it has told to have read. */
  private told = 0
  private order: 'change' | 'fail' | undefined

  constructor(stages: Stages, split: DatagenSplit) {
    this.stages = stages
    this.split = split
    const { channel, recovering } = readOrders()
    this.next = recovering ? this.firstOf(stages.after.from) : split.next
    if (channel === undefined) return
    this.channel = openChannel(channel, ({ kind }) => {
      if (kind === 'change' || kind === 'fail') this.order = kind
    })
  }

  poll(out: Parameters<SplitReader['poll']>[0], max: number): ReturnType<SplitReader['poll']> {
    const { stages, split } = this
    this.follow()
    if (this.next >= stages.end) return 'wait'
    const end = Math.min(this.next + max * split.of, stages.end)
    let index = this.next
    for (; index < end; index += split.of) out.collect(orderAt(stages, index), NO_TIMESTAMP)
    this.next = index
    return 'more'
  }

  /** Only behind the last stage does it wait. */
  available(): Promise<void> {
    return new Promise(() => {})
  }

  position(): DatagenSplit {
    return { ...this.split, next: this.next }
  }

  close(): void {
    this.channel?.close()
  }

  /** Does what it was told, and tells how far it is. */
  private follow(): void {
    const { change, repeats, quiet } = this.stages
    if (this.told === 0 && this.next >= repeats.from) this.tell('filled')
    if (this.told === 1 && this.next >= quiet.from) this.tell('changed')
    const { order } = this
    this.order = undefined
    if (order === 'change') this.next = Math.max(this.next, this.firstOf(change.from))
    if (order !== 'fail' || this.split.split !== 0) return
    this.channel?.postMessage({ kind: 'failing', atMs: monotonicMs() })
    throw new Error('injected once')
  }

  private tell(kind: 'filled' | 'changed'): void {
    this.told++
    this.channel?.postMessage({ kind, atMs: monotonicMs() })
  }

  /** The first index from here on that is this split's. */
  private firstOf(index: number): number {
    const { split, of } = this.split
    return index + ((((split - index) % of) + of) % of)
  }
}
