import type { StateDescriptor } from '../../runtime/contract/state.js'
import { assignerFingerprint, type WindowAssigner } from './assigner.js'

/** The name of a window operator's state. */
export const PANES = 'panes'

/** Declares a window operator's state. What timers and panes mean depends on all of these, so a checkpoint with others is refused. */
export function paneState(
  assigner: WindowAssigner,
  latenessMs: number,
  { schema, slices }: { readonly schema: string; readonly slices: boolean },
): StateDescriptor {
  const layout = assigner.kind === 'sliding' ? (slices ? ' slices' : ' windows') : ''
  const fingerprint = `${assignerFingerprint(assigner)}${layout} lateness ${latenessMs} ${schema}`
  return { name: PANES, kind: 'panes', fingerprint }
}
