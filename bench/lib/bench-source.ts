// The stream of a benchmark, with marks: records at which something is noted. Per record that costs one comparison.
import { join } from 'node:path'
import { threadId, type BroadcastChannel } from 'node:worker_threads'
import type { Source } from 'millrace'
import { datagen, datagenLines, type DatagenSource, type DatagenSplit } from 'millrace/connectors/datagen'
import { moment, openProbe, readOrders, type ProbeOrders } from './probe.js'
import { ThreadProfile } from './thread-profile.js'

/** A profile ends so many records before the stream does. */
const UNPROFILED_RECORDS = 100

/** The records 0 to `records - 1` of a stream, split s of P making s, s + P, s + 2P... in that order. */
export function benchSource<T>(records: number, generate: (index: number) => T): DatagenSource<T> {
  const marks = new Marks(records, readOrders())
  return marks.watch(
    datagen({
      count: records,
      generate: (index) => {
        if (index >= marks.next) marks.reach(index)
        return generate(index)
      },
    }),
  )
}

/** The same, of texts that have yet to be decoded. */
export function benchLines(records: number, line: (index: number) => string): ReturnType<typeof datagenLines> {
  const marks = new Marks(records, readOrders())
  return marks.watch(
    datagenLines({
      count: records,
      line: (index) => {
        if (index >= marks.next) marks.reach(index)
        return line(index)
      },
    }),
  )
}

/** The marks of one source in one slot. */
class Marks {
  /** The next record to be noted, or any before it. */
  next = 0
  private readonly half: number
  private readonly nearEnd: number
  private readonly orders: ProbeOrders
  private readonly channel: BroadcastChannel | undefined
  private started = false
  private halved = false
  private failing = false
  private snapshotAt = -1
  private profile: ThreadProfile | undefined

  constructor(records: number, orders: ProbeOrders) {
    this.half = Math.floor(records / 2)
    this.nearEnd = records - UNPROFILED_RECORDS
    this.orders = orders
    if (orders.channel === undefined) this.next = Infinity
    else {
      this.channel = openProbe(orders.channel, ({ kind }) => {
        if (kind === 'checkpointed') this.checkpointed()
      })
    }
  }

  reach(index: number): void {
    if (this.failing) this.fail(index)
    if (!this.started) this.channel?.postMessage({ kind: 'started', at: moment() })
    this.started = true
    if (!this.halved && index >= this.half) this.reachHalf()
    if (index === this.orders.failedAt) this.channel?.postMessage({ kind: 'passed', at: moment() })
    if (index >= this.nearEnd) this.endProfile()
    const { failedAt = -1 } = this.orders
    this.next = this.profile === undefined ? Infinity : this.nearEnd
    if (!this.halved) this.next = this.half
    if (index < failedAt) this.next = Math.min(this.next, failedAt)
  }

  /** Where a failure is asked for, notes what checkpoints hold of the split that will fail. */
  watch<S extends Source<never, DatagenSplit>>(source: S): S {
    if (this.orders.failAfter === undefined || this.orders.failedAt !== undefined) return source
    const createReader: S['createReader'] = (ctx) => {
      const reader = source.createReader(ctx)
      return {
        openSplit: async (split) => {
          const splitReader = await reader.openSplit(split)
          if (split.split.split !== 0) return splitReader
          return {
            poll: (out, max) => splitReader.poll(out, max),
            available: () => splitReader.available(),
            position: () => {
              const position = splitReader.position()
              this.snapshotAt = position.next
              return position
            },
            close: () => splitReader.close?.(),
          }
        },
      }
    }
    return { ...source, createReader }
  }

  private reachHalf(): void {
    this.halved = true
    this.channel?.postMessage({ kind: 'half', at: moment() })
    if (this.orders.profile === undefined) return
    this.profile = new ThreadProfile()
    this.profile.start()
  }

  private endProfile(): void {
    this.profile?.stop(join(this.orders.profile!, `thread-${threadId}.cpuprofile`))
    this.profile = undefined
  }

  private checkpointed(): void {
    const { failAfter = Infinity, failedAt } = this.orders
    if (failedAt !== undefined || this.snapshotAt < failAfter) return
    this.failing = true
    this.next = -1
  }

  private fail(index: number): void {
    this.channel?.postMessage({ kind: 'failing', index, at: moment() })
    if (this.orders.failBy === 'exit') process.exit(1)
    throw new Error('injected once')
  }
}
