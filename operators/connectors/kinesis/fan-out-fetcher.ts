import { childShards } from './child-shards.js'
import { type ShardEvent, ShardEvents } from './fan-out-events.js'
import type { FanOutReader } from './fan-out-reader.js'
import type { FetchStart, ShardBatch, ShardFetcher } from './shard-reader.js'

interface Waiting {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (reason: Error) => void
}

/** Reads one shard by SubscribeToShard, as far ahead as its share of the memory allows. Slot thread. */
export class FanOutFetcher implements ShardFetcher {
  private readonly reader: FanOutReader
  private readonly events: ShardEvents
  private readonly onClose: () => void
  private readonly leaveMemory: () => void
  private readonly batches: { readonly batch: ShardBatch; readonly bytes: number }[] = []
  private heldBytes = 0
  private closed = false
  private failure: Error | undefined
  private waiting: Waiting | undefined
  private room: (() => void) | undefined

  constructor(reader: FanOutReader, shardId: string, start: FetchStart, onClose: () => void) {
    this.reader = reader
    this.onClose = onClose
    this.events = new ShardEvents(reader, shardId, start)
    this.leaveMemory = reader.memory.join()
    void this.run()
  }

  take(): ShardBatch | undefined {
    const first = this.batches.shift()
    if (first === undefined) return undefined
    this.heldBytes -= first.bytes
    this.room?.()
    return first.batch
  }

  ready(): Promise<void> {
    if (this.batches.length > 0) return Promise.resolve()
    if (this.failure !== undefined) return Promise.reject(this.failure)
    return (this.waiting ??= newWaiting()).promise
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.events.close()
    this.leaveMemory()
    this.room?.()
    this.onClose()
  }

  private async run(): Promise<void> {
    try {
      let ended = false
      while (!ended && !this.closed) {
        const event = await this.events.next()
        if (event === undefined) return
        ended = this.keep(event)
        if (!ended) await this.enoughRoom()
      }
    } catch (error) {
      this.failure = error as Error
      this.wake()
    }
    this.events.close()
  }

  private keep({ event, atMs, saidMs, start }: ShardEvent): boolean {
    const records = event.Records ?? []
    const children = childShards(event.ChildShards)
    const millisBehindLatest = event.MillisBehindLatest ?? undefined
    const { continuation } = this.events
    // The last event of a closed shard names its children, and nothing to continue with.
    const ended = children.length > 0 || (event.ContinuationSequenceNumber ?? '') === ''
    const batch: ShardBatch = {
      records,
      ...(continuation === undefined ? {} : { continuation }),
      ...(millisBehindLatest === undefined ? {} : { millisBehindLatest }),
      atMs,
      saidMs,
      ...(start === undefined ? {} : { start }),
      ...(ended ? { end: { children } } : {}),
    }
    const bytes = this.bytesOf(records)
    this.batches.push({ batch, bytes })
    this.heldBytes += bytes
    this.wake()
    return ended
  }

  private bytesOf(records: ShardBatch['records']): number {
    // An empty batch is not for nothing: one comes every few seconds.
    const overhead = this.reader.memory.overheadBytes(records.length + 1)
    return records.reduce((bytes, { Data }) => bytes + (Data?.byteLength ?? 0), overhead)
  }

  private async enoughRoom(): Promise<void> {
    while (!this.closed && this.batches.length > 0 && this.heldBytes >= this.reader.memory.shareBytes) {
      await new Promise<void>((resolve) => (this.room = resolve))
    }
    this.room = undefined
  }

  private wake(): void {
    const { waiting } = this
    this.waiting = undefined
    if (this.failure === undefined) waiting?.resolve()
    else waiting?.reject(this.failure)
  }
}

function newWaiting(): Waiting {
  let resolve!: () => void
  let reject!: (reason: Error) => void
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
