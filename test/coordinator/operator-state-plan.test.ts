import { describe, expect, it } from 'vitest'
import type { OperatorStatePart, OperatorStateRecord } from '../../runtime/checkpoint/manifest.js'
import type { OperatorStateMode } from '../../runtime/contract/state.js'
import { operatorStateRecords, operatorStateRestores } from '../../runtime/coordinator/operator-state-plan.js'

const part = (subtask: number, elements: number): OperatorStatePart => ({
  subtask,
  elements,
  bytes: 1,
  crc: 0,
  content: '',
})

function record(mode: OperatorStateMode, ...elements: readonly number[]): Record<string, OperatorStateRecord> {
  const parts = elements.flatMap((n, subtask) => (n === 0 ? [] : [part(subtask, n)]))
  return { s: { mode, fingerprint: 'v1', codec: 'c', version: 1, parts } }
}

/** Of each subtask the elements it gets, as `subtask that had it.index`. */
function dealt(records: Record<string, OperatorStateRecord>, parallelism: number, before: number): string[][] {
  return Array.from({ length: parallelism }, (_, subtask) =>
    operatorStateRestores(records, subtask, parallelism, before)['s']!.shares.flatMap(
      ({ part: { subtask: of }, from, to }) => Array.from({ length: to - from }, (_unused, i) => `${of}.${from + i}`),
    ),
  )
}

describe('operatorStateRestores', () => {
  it('leaves split state where it was while the parallelism stays', () => {
    expect(dealt(record('split', 3, 0, 1), 3, 3)).toEqual([['0.0', '0.1', '0.2'], [], ['2.0']])
  })

  it('cuts split state into equal shares, in order, when the parallelism changes', () => {
    expect(dealt(record('split', 3, 0, 2), 2, 3)).toEqual([
      ['0.0', '0.1'],
      ['0.2', '2.0', '2.1'],
    ])
  })

  it.each([1, 2, 7, 127, 128])('deals each element of split state to exactly one of %i subtasks', (parallelism) => {
    const sizes = Array.from({ length: 9 }, (_, i) => (i * 5) % 7)
    const all = sizes.flatMap((n, subtask) => Array.from({ length: n }, (_, i) => `${subtask}.${i}`))
    const shares = dealt(record('split', ...sizes), parallelism, 9)
    expect(shares.flat()).toEqual(all)
    const lengths = shares.map((share) => share.length)
    expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(parallelism === 9 ? 6 : 1)
  })

  it('gives every subtask all of union and broadcast state, also at the same parallelism', () => {
    const all = ['0.0', '1.0', '1.1']
    expect(dealt(record('union', 1, 2), 2, 2)).toEqual([all, all])
    expect(dealt(record('union', 1, 2), 3, 2)).toEqual([all, all, all])
    expect(dealt(record('broadcast', 2), 2, 1)).toEqual([
      ['0.0', '0.1'],
      ['0.0', '0.1'],
    ])
  })
})

describe('operatorStateRecords', () => {
  it('puts the parts of all subtasks together, without empty ones', () => {
    const about = { mode: 'split', fingerprint: 'v2', codec: 'c', version: 1 } as const
    const snapshots = [
      { operatorState: { s: { ...about, part: part(0, 2) } } },
      { operatorState: { s: about } },
      { operatorState: { s: { ...about, part: part(2, 1) } } },
    ]
    expect(operatorStateRecords(snapshots)).toEqual({ s: { ...about, parts: [part(0, 2), part(2, 1)] } })
    expect(operatorStateRecords([{}, {}])).toEqual({})
  })
})
