import type { Operator } from '../../runtime/contract/operator.js'
import type { WindowAssigner } from './assigner.js'
import type { WindowSpec } from './contents.js'
import { SessionWindowOperator } from './session-window.js'
import { SlicedWindowOperator } from './sliding-slices.js'
import { SlidingWindowOperator } from './sliding-windows.js'
import { TumblingWindowOperator } from './tumbling-window.js'

/** A new operator for these windows: sliding ones share slices where their contents can be put together from them. */
export function windowOperator<In, Acc>(assigner: WindowAssigner, spec: WindowSpec<In, Acc>): Operator<In, unknown> {
  switch (assigner.kind) {
    case 'tumbling':
      return new TumblingWindowOperator(assigner, spec)
    case 'sliding':
      return spec.contents.slices ? new SlicedWindowOperator(assigner, spec) : new SlidingWindowOperator(assigner, spec)
    case 'session':
      return new SessionWindowOperator(assigner, spec)
  }
}
