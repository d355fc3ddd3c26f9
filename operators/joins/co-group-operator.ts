import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { WindowAssigner } from '../windows/assigner.js'
import type { WindowSpec } from '../windows/contents.js'
import { windowOperator } from '../windows/window-operator.js'
import type { CoGroupContents, CoGroups } from './co-group-contents.js'

/**
 * Two keyed inputs in the windows of one: sessions are those of both streams together. Lateness is judged as for one stream; late records
 * are counted. Semantics: Flink's CoGroupedStreams and JoinedStreams.
 */
export class CoGroupOperator<L, R> implements Operator<L, unknown, R> {
  private readonly windows: Operator<L | R, unknown>
  private readonly contents: CoGroupContents<L, R>

  /** `spec.contents` must be this operator's own: it holds the side of the record that is being added. */
  constructor(assigner: WindowAssigner, spec: WindowSpec<L | R, CoGroups<L, R>> & { contents: CoGroupContents<L, R> }) {
    this.contents = spec.contents
    this.windows = windowOperator(assigner, spec)
  }

  open(ctx: OperatorContext<unknown>): void {
    void this.windows.open!(ctx)
  }

  processElement(value: L, timestamp: number): void {
    this.contents.side = 0
    this.windows.processElement(value, timestamp)
  }

  processElement2(value: R, timestamp: number): void {
    this.contents.side = 1
    this.windows.processElement(value, timestamp)
  }

  onEventTimer(time: number, namespace: number): void {
    this.windows.onEventTimer!(time, namespace)
  }
}
