import type { Combiner, CombinerSpec } from '../../runtime/contract/combiner.js'
import type { SlidingWindows, TumblingWindows, WindowAssigner } from './assigner.js'
import { requireAccumulator, type WindowSpec } from './contents.js'
import { Slices } from './slices.js'

/**
 * What senders may combine for these windows; undefined: nothing. Accumulators must be such that they can be put together in any way, and
 * panes known from the event time alone: not those of sessions.
 */
export function windowCombiner<In, Acc>(assigner: WindowAssigner, spec: WindowSpec<In, Acc>): CombinerSpec | undefined {
  if (assigner.kind === 'session' || !spec.contents.slices) return undefined
  return {
    create: (uid) => new WindowCombiner(assigner, spec, uid),
    lateTag: spec.lateTag,
    refires: spec.latenessMs > 0,
  }
}

/** Combines records by the window (tumbling) or slice (sliding) that they are in. */
class WindowCombiner<In, Acc> implements Combiner<In, Acc> {
  pane = 0
  end = 0
  firesAt = 0
  private readonly slices: Slices
  private readonly spec: WindowSpec<In, Acc>
  private readonly uid: string

  constructor(assigner: TumblingWindows | SlidingWindows, spec: WindowSpec<In, Acc>, uid: string) {
    this.slices = new Slices(assigner)
    this.spec = spec
    this.uid = uid
  }

  moveTo(timestamp: number): boolean {
    // The operator refuses what has no event time.
    if (!Number.isSafeInteger(timestamp)) return false
    const { slices } = this
    slices.moveTo(timestamp)
    this.pane = slices.start
    this.end = slices.end
    this.firesAt = slices.firstWindow + slices.sizeMs - 1
    return slices.firstWindow <= slices.lastWindow
  }

  begin(value: In): Acc {
    const { contents, place } = this.spec
    const acc = contents.add(contents.create(), value)
    requireAccumulator(acc, this.uid, place)
    return acc
  }

  add(acc: Acc, value: In): Acc {
    const after = this.spec.contents.add(acc, value)
    if (after === undefined) requireAccumulator(after, this.uid, this.spec.place)
    return after
  }
}
