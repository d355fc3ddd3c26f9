import type { OperatorStatePart, OperatorStateRecord } from '../checkpoint/manifest.js'
import type { OperatorStateRestore, OperatorStateShare } from '../worker/protocol.js'

type Records = Readonly<Record<string, OperatorStateRecord>>

/** The operator state of a checkpoint, of the shares of all subtasks. Pure. */
export function operatorStateRecords(
  subtasks: readonly { readonly operatorState?: Readonly<Record<string, OperatorStateShare>> }[],
): Records {
  const shares = new Map<string, OperatorStateShare[]>()
  for (const { operatorState } of subtasks) {
    for (const [name, share] of Object.entries(operatorState ?? {})) {
      const all = shares.get(name)
      if (all === undefined) shares.set(name, [share])
      else all.push(share)
    }
  }
  const records = [...shares].map(([name, all]): [string, OperatorStateRecord] => {
    const { part: _, ...about } = all[0]!
    return [name, { ...about, parts: all.flatMap(({ part }) => (part === undefined ? [] : [part])) }]
  })
  return Object.fromEntries(records)
}

/**
 * What subtask `subtask` of `parallelism` starts from. Split state stays where it was while the parallelism (`before`) is the same; else
 * all elements, in the order of the subtasks that had them, are cut into as many shares of equal length. Pure.
 */
export function operatorStateRestores(
  records: Records,
  subtask: number,
  parallelism: number,
  before: number,
): Record<string, OperatorStateRestore> {
  const restores = Object.entries(records).map(([name, { mode, codec, version, parts }]) => {
    const shares =
      mode !== 'split'
        ? parts.map(whole)
        : parallelism === before
          ? parts.filter((part) => part.subtask === subtask).map(whole)
          : cut(parts, subtask, parallelism)
    return [name, { codec, version, shares }] as const
  })
  return Object.fromEntries(restores)
}

type Share = OperatorStateRestore['shares'][number]

function whole(part: OperatorStatePart): Share {
  return { part, from: 0, to: part.elements }
}

function cut(parts: readonly OperatorStatePart[], subtask: number, parallelism: number): Share[] {
  const total = parts.reduce((sum, { elements }) => sum + elements, 0)
  const first = Math.floor((total * subtask) / parallelism)
  const end = Math.floor((total * (subtask + 1)) / parallelism)
  const shares: Share[] = []
  let begin = 0
  for (const part of parts) {
    const from = Math.max(0, first - begin)
    const to = Math.min(part.elements, end - begin)
    if (from < to) shares.push({ part, from, to })
    begin += part.elements
  }
  return shares
}
