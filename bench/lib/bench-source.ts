// The stream of a benchmark, with marks: records at which something is noted. Per record that costs one comparison.
import { join } from 'node:path'
import { threadId, type BroadcastChannel } from 'node:worker_threads'
import { datagen, datagenLines, type DatagenSource } from 'millrace/connectors/datagen'
import { Failure } from './failure.js'
import { moment, openProbe, readOrders, type ProbeOrders } from './probe.js'
import { ThreadProfile } from './thread-profile.js'

/** A profile ends so many records before the stream does. */
const UNPROFILED_RECORDS = 100

/** The records 0 to `records - 1` of a stream, split s of P making s, s + P, s + 2P... in that order. */
export function benchSource<T>(records: number, generate: (index: number) => T): DatagenSource<T> {
  const marks = new Marks(records)
  const marked = (index: number): T => {
    if (index >= marks.next) marks.reach(index)
    return generate(index)
  }
  const source = datagen({ count: records, generate: marked })
  return marks.failure === undefined ? source : marks.failure.watch(source)
}

/** The same, of texts that have yet to be decoded. */
export function benchLines(records: number, line: (index: number) => string): ReturnType<typeof datagenLines> {
  const marks = new Marks(records)
  const marked = (index: number): string => {
    if (index >= marks.next) marks.reach(index)
    return line(index)
  }
  const source = datagenLines({ count: records, line: marked })
  return marks.failure === undefined ? source : marks.failure.watch(source)
}

/** The marks of one source in one slot. */
class Marks {
  /** The next record to be noted, or any before it. */
  next: number
  readonly failure: Failure | undefined
  private readonly half: number
  private readonly nearEnd: number
  private readonly orders: ProbeOrders
  private readonly channel: BroadcastChannel | undefined
  private started = false
  private halved = false
  private profile: ThreadProfile | undefined

  constructor(records: number) {
    const orders = readOrders()
    this.orders = orders
    this.half = Math.floor(records / 2)
    this.nearEnd = records - UNPROFILED_RECORDS
    this.next = orders.channel === undefined ? Infinity : 0
    if (orders.channel === undefined) return
    this.channel = openProbe(orders.channel, ({ kind }) => {
      if (kind === 'checkpointed') this.failure?.checkpointed()
    })
    const fails = orders.failAfter !== undefined && orders.failedAt === undefined
    this.failure = fails ? new Failure(records, orders, this.channel) : undefined
  }

  reach(index: number): void {
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
}
