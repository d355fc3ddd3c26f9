import type { OperatorNode } from '../contract/graph.js'
import { OperatorState } from '../state/operator-state.js'
import { readElements } from '../task/operator-state-files.js'
import type { OperatorWiring } from '../task/operator-link.js'
import { OperatorStateSnapshots } from '../task/operator-state-run.js'
import type { OperatorStateRestore } from '../worker/protocol.js'

/** Operator state of a harness's subtask: all of it stands in the snapshot, whatever its size. */
export function harnessOperatorState(
  { uid, operatorStates = [] }: OperatorNode,
  subtask: number,
  restored: Readonly<Record<string, OperatorStateRestore>>,
): Pick<OperatorWiring, 'operatorState'> {
  if (operatorStates.length === 0) return {}
  const elements = Object.entries(restored).map(([name, { shares }]) => {
    const lists = shares.map(({ part, from, to }) =>
      readElements(Buffer.from(part.content!, 'base64'), part.elements, from, to),
    )
    return [name, lists.flat()] as const
  })
  const state = new OperatorState(uid, operatorStates, new Map(elements))
  const snapshots = new OperatorStateSnapshots(uid, subtask, state, (_checkpointId, _index, bytes) =>
    Promise.resolve({ content: Buffer.from(bytes).toString('base64') }),
  )
  return { operatorState: { state, snapshots } }
}
