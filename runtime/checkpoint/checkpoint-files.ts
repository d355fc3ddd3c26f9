import type { CheckpointDraft, OperatorRecord } from './manifest.js'

/** A file that a checkpoint refers to. */
export interface CheckpointFile {
  readonly path: string
  readonly bytes: number
}

/** All files that a checkpoint refers to: segments and large operator state. */
export function checkpointFiles({ operators }: Pick<CheckpointDraft, 'operators'>): CheckpointFile[] {
  return Object.values(operators).flatMap((operator) => [...operator.segments, ...operatorStateFiles(operator)])
}

/** The files of an operator's state that belongs to no key. */
function operatorStateFiles({ operatorState = {} }: OperatorRecord): CheckpointFile[] {
  return Object.values(operatorState).flatMap(({ parts }) =>
    parts.flatMap(({ path, bytes }) => (path === undefined ? [] : [{ path, bytes }])),
  )
}
