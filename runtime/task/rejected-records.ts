import { MillraceError } from '../contract/errors.js'
import type { SinkNode } from '../contract/graph.js'
import { operatorFailure, type OperatorFailure } from '../contract/operator-failure.js'
import type { RejectedRecord } from '../contract/sink.js'
import type { Output } from '../contract/output.js'
import type { LocalCounter, LocalMetrics } from './counters.js'
import type { LinkHost } from './link.js'
import type { OperatorWiring } from './operator-link.js'

/** The side output of what a sink cannot write. */
const REJECTED_TAG = 'rejected'

/**
 * What a sink's writer rejects, on its way to the `rejected` output: it leaves on the slot's loop, whenever the writer comes to know. If
 * nobody reads that output, the first one fails the job. Counts `numRecordsRejected`. Slot thread.
 */
export class RejectedRecords {
  /** Whether somebody reads them. */
  readonly isRead: boolean
  private readonly node: SinkNode
  private readonly output: Output<unknown>
  private readonly written: LocalCounter
  private readonly metrics: LocalMetrics
  private host: LinkHost | undefined
  /** Tasks given before the subtask was there. */
  private early: (() => void)[] = []
  private failure: OperatorFailure | undefined

  constructor(node: SinkNode, wiring: OperatorWiring, metrics: LocalMetrics) {
    this.node = node
    this.isRead = wiring.hasSideOutput(REJECTED_TAG)
    this.output = wiring.sideOutput(REJECTED_TAG)
    this.written = metrics.counter('numRecordsOut')
    this.metrics = metrics
  }

  attach(host: LinkHost): void {
    this.host = host
    for (const task of this.early.splice(0)) host.execute(task)
  }

  add(value: unknown, timestamp: number, reason: string): void {
    const { describe: sink } = this.node.sink
    if (!this.isRead) this.failure ??= unread(this.node.uid, sink, reason)
    this.written.count--
    this.metrics.counter('numRecordsRejected').count++
    const record: RejectedRecord = { value, reason, sink }
    const task = (): void => {
      this.refuseUnread()
      this.output.emit(record, timestamp)
    }
    if (this.host === undefined) this.early.push(task)
    else this.host.execute(task)
  }

  /** Takes a record that the writer threw for because it has no form to be written in, if somebody reads what is rejected. */
  takeUnwritable(error: unknown, value: unknown, timestamp: number): boolean {
    if (!this.isRead || !(error instanceof MillraceError) || error.code !== 'MILLRACE_VALUE') return false
    this.add(value, timestamp, error.message)
    return true
  }

  /** Before a checkpoint could hold that a record is dealt with which is nowhere. */
  refuseUnread(): void {
    if (this.failure !== undefined) throw this.failure
  }
}

function unread(uid: string, sink: string, reason: string): OperatorFailure {
  const error = new MillraceError('MILLRACE_OUTPUT', `${sink} cannot take a record: ${reason}`, {
    final: true,
    hint: `say where such records go: const { rejected } = stream.sinkTo(sink, { uid: '${uid}' }), then rejected.sinkTo(...)`,
  })
  return operatorFailure(error, uid)
}
