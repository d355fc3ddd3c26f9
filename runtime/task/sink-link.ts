import type { SinkNode } from '../contract/graph.js'
import { operatorFailure } from '../contract/operator-failure.js'
import type { Output } from '../contract/output.js'
import type { SinkWriter } from '../contract/sink.js'
import { MAX_WATERMARK, MIN_WATERMARK } from '../contract/time.js'
import type { OperatorRestore } from '../worker/protocol.js'
import { LocalMetrics } from './counters.js'
import type { Link, LinkHost, LinkSnapshot } from './link.js'
import type { OperatorWiring } from './operator-link.js'
import { showWatermarks } from './operator-metrics.js'
import { RejectedRecords } from './rejected-records.js'

/**
 * A sink's writer in one subtask. Counts `numRecordsOut`: what was written, without what was rejected. Slot thread.
 *
 * Where somebody reads what is rejected, the writer is flushed before a barrier goes on, and not behind it, and before the end of time
 * does: what it rejects then comes with the records it was written with, and is not late.
 */
export class SinkLink implements Link {
  readonly uid: string
  readonly metrics: LocalMetrics = new LocalMetrics()
  readonly backend: undefined = undefined
  readonly input: Output<unknown>
  readonly input2: Output<unknown>
  readonly holdWatermark?: (watermark: number) => number
  private readonly node: SinkNode
  private readonly wiring: OperatorWiring
  private readonly rejected: RejectedRecords
  private host: LinkHost | undefined
  private writer!: SinkWriter<unknown>
  private watermark = MIN_WATERMARK
  private watermarkBefore = MIN_WATERMARK
  /** The checkpoint the writer was flushed for last. */
  private flushed = 0
  /** One at a time. */
  private flushing: Promise<void> = Promise.resolve()
  /** The end of time waits for what was written before it. */
  private ending: 'no' | 'flushing' | 'flushed' = 'no'

  constructor(node: SinkNode, wiring: OperatorWiring) {
    this.node = node
    this.uid = node.uid
    this.wiring = wiring
    const received = this.metrics.counter('numRecordsIn')
    const written = this.metrics.counter('numRecordsOut')
    const watermark = (): number => this.watermark
    showWatermarks(this.metrics, watermark, watermark)
    this.rejected = new RejectedRecords(node, wiring, this.metrics)
    if (this.rejected.isRead) this.holdWatermark = (watermark) => this.passing(watermark)
    const write = (value: unknown, timestamp: number): void => {
      received.count++
      written.count++
      try {
        this.writer.write(value, timestamp)
      } catch (error) {
        if (!this.rejected.takeUnwritable(error, value, timestamp)) throw operatorFailure(error, this.uid)
      }
    }
    this.input = { emit: write }
    this.input2 = this.input
  }

  async open(restore: OperatorRestore | undefined): Promise<void> {
    const { info, clock, print, warn } = this.wiring
    const { uid, metrics, rejected } = this
    await this.guard(async () => {
      this.writer = await this.node.sink.createWriter({
        ...info,
        uid,
        clock,
        metrics: metrics.forOthers(),
        print,
        warn: (message) => warn(uid, message),
        reject: (value, timestamp, reason) => rejected.add(value, timestamp, reason),
      })
      if (restore !== undefined && restore.writerStates.length > 0) this.writer.restoreState?.(restore.writerStates)
    })
  }

  attach(host: LinkHost): void {
    this.host = host
    this.rejected.attach(host)
  }

  advanceWatermark(watermark: number): boolean {
    this.watermarkBefore = this.watermark
    this.watermark = watermark
    if (watermark === MAX_WATERMARK && this.rejected.isRead && this.ending === 'no') this.flushAtEnd()
    return true
  }

  fireProcessingTimers(): boolean {
    return true
  }

  nextProcessingTimer(): number {
    return Infinity
  }

  async prepareBarrier(checkpointId: number): Promise<void> {
    if (this.rejected.isRead) await this.flush(checkpointId)
  }

  async snapshot(checkpointId: number): Promise<LinkSnapshot> {
    if (!this.rejected.isRead) await this.flush(checkpointId)
    try {
      return {
        uid: this.uid,
        watermark: this.watermark,
        finished: false,
        schema: [],
        counters: this.metrics.counts(),
        committables: this.writer.prepareCommit?.(checkpointId) ?? [],
        writerStates: this.writer.snapshotState?.(checkpointId) ?? [],
      }
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
  }

  checkpointComplete(): void {}

  checkpointAborted(): void {}

  async finish(): Promise<void> {
    await this.guard(async () => this.writer.finish?.())
  }

  busy(): Promise<void> | undefined {
    try {
      return this.writer.busy?.()?.catch((error: unknown) => {
        throw operatorFailure(error, this.uid)
      })
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
  }

  async close(): Promise<void> {
    await this.writer?.close?.()
  }

  private async flush(checkpointId: number): Promise<void> {
    const flush = this.flushing.then(() => this.guard(async () => this.writer.flush(checkpointId)))
    this.flushing = flush.catch(() => {})
    await flush
    this.rejected.refuseUnread()
    this.flushed = checkpointId
  }

  /** No barrier is due: the last one comes when all have finished. */
  private flushAtEnd(): void {
    this.ending = 'flushing'
    this.flush(this.flushed + 1).then(
      () =>
        // Behind what was rejected meanwhile.
        this.host?.execute(() => {
          this.ending = 'flushed'
          this.host?.releaseWatermark()
        }),
      (error: unknown) =>
        this.host?.execute(() => {
          throw error
        }),
    )
  }

  private passing(watermark: number): number {
    return watermark < MAX_WATERMARK || this.ending === 'flushed' ? watermark : this.watermarkBefore
  }

  private async guard(run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
  }
}
