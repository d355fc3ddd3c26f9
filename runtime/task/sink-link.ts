import type { SinkNode } from '../contract/graph.js'
import type { Output } from '../contract/output.js'
import type { SinkWriter } from '../contract/sink.js'
import type { OperatorRestore } from '../worker/protocol.js'
import { LocalMetrics } from './counters.js'
import type { Link, LinkSnapshot } from './link.js'
import type { OperatorWiring } from './operator-link.js'
import { operatorFailure } from '../contract/operator-failure.js'

/** The end of a chain: a sink's writer in one subtask. Counts `numRecordsOut`. Slot thread. */
export class SinkLink implements Link {
  readonly uid: string
  readonly metrics: LocalMetrics = new LocalMetrics()
  readonly backend: undefined = undefined
  readonly input: Output<unknown>
  readonly input2: Output<unknown>
  private readonly node: SinkNode
  private readonly wiring: OperatorWiring
  private writer!: SinkWriter<unknown>
  private watermark = -Infinity

  constructor(node: SinkNode, wiring: OperatorWiring) {
    this.node = node
    this.uid = node.uid
    this.wiring = wiring
    const written = this.metrics.counter('numRecordsOut')
    const write = (value: unknown, timestamp: number): void => {
      try {
        this.writer.write(value, timestamp)
        written.count++
      } catch (error) {
        throw operatorFailure(error, this.uid)
      }
    }
    this.input = { emit: write }
    this.input2 = this.input
  }

  async open(restore: OperatorRestore | undefined): Promise<void> {
    const { info, clock, print, warn } = this.wiring
    const { uid, metrics } = this
    await this.guard(async () => {
      const context = { ...info, uid, clock, metrics, print, warn: (message: string) => warn(uid, message) }
      this.writer = await this.node.sink.createWriter(context)
      if (restore !== undefined && restore.writerStates.length > 0) this.writer.restoreState?.(restore.writerStates)
    })
  }

  advanceWatermark(watermark: number): boolean {
    this.watermark = watermark
    return true
  }

  fireProcessingTimers(): boolean {
    return true
  }

  nextProcessingTimer(): number {
    return Infinity
  }

  async prepareBarrier(): Promise<void> {}

  async snapshot(checkpointId: number): Promise<LinkSnapshot> {
    try {
      await this.writer.flush(checkpointId)
      return {
        uid: this.uid,
        watermark: this.watermark,
        finished: false,
        state: [],
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

  async finish(): Promise<void> {}

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

  private async guard(run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
  }
}
