// An injected failure: the reader of split 0 fails once a checkpoint that holds enough of the split has completed. Should the split end
// before that, it waits.
import type { BroadcastChannel } from 'node:worker_threads'
import type { DatagenSplit } from 'millrace/connectors/datagen'
import type { Source } from 'millrace'
import { moment, type ProbeOrders } from './probe.js'

type Reader<T> = Awaited<ReturnType<ReturnType<Source<T, DatagenSplit>['createReader']>['openSplit']>>

/** The failure of one source in one slot. Slot thread. */
export class Failure {
  private readonly orders: ProbeOrders
  private readonly channel: BroadcastChannel
  private readonly records: number
  private snapshotAt = -1
  private due = false
  private wake: () => void = () => {}
  private readonly whenDue = new Promise<void>((resolve) => {
    this.wake = resolve
  })

  constructor(records: number, orders: ProbeOrders, channel: BroadcastChannel) {
    this.records = records
    this.orders = orders
    this.channel = channel
  }

  /** A checkpoint has completed: that of the last snapshot. */
  checkpointed(): void {
    if (this.snapshotAt < this.orders.failAfter!) return
    this.due = true
    this.wake()
  }

  watch<T, S extends Source<T, DatagenSplit>>(source: S): S {
    const createReader: Source<T, DatagenSplit>['createReader'] = (ctx) => {
      const reader = source.createReader(ctx)
      return {
        openSplit: async (split) => {
          const opened = await reader.openSplit(split)
          return split.split.split === 0 ? this.watchSplit(opened) : opened
        },
      }
    }
    return { ...source, createReader }
  }

  private watchSplit<T>(split: Reader<T>): Reader<T> {
    return {
      poll: (out, max) => {
        const { next, of } = split.position()
        if (this.due) this.fail(next)
        return next + max * of < this.records ? split.poll(out, max) : 'wait'
      },
      available: () => this.whenDue,
      position: () => {
        const position = split.position()
        this.snapshotAt = position.next
        return position
      },
      close: () => split.close?.(),
    }
  }

  private fail(index: number): void {
    this.channel.postMessage({ kind: 'failing', index, at: moment() })
    if (this.orders.failBy === 'exit') process.exit(1)
    throw new Error('injected once')
  }
}
