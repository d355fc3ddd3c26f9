import { expect, it } from 'vitest'
import { RowBuffer } from '../../runtime/state/row-buffer.js'
import { SortedRows } from '../../runtime/state/sorted-rows.js'

/** The keys' bytes in the order they come out, and the most rows that were sorted at once. */
function sorted(
  first: readonly string[],
  second: readonly string[],
): { readonly keys: Buffer[]; readonly most: number } {
  const buffers = [new RowBuffer(64), new RowBuffer(64)] as const
  const numbers: number[] = []
  for (const [bit, keys] of [first, second].entries()) {
    const rows = buffers[bit]!
    for (const key of keys) numbers.push(2 * rows.tombstone(rows.putKey(key)) + bit)
  }
  const all = new SortedRows()
  all.deal(...buffers, numbers.length, (i) => numbers[i]!)
  const out: Buffer[] = []
  let most = 0
  while (all.next()) {
    most = Math.max(most, all.length)
    for (let i = 0; i < all.length; i++) {
      const rows = all.bufferOf(all.at(i))
      const row = all.at(i) >>> 1
      out.push(Buffer.from(rows.keys.subarray(rows.keyFrom(row), rows.keyTo(row))))
    }
  }
  return { keys: out, most }
}

it('brings rows of two buffers in order, a repeated key once, and never sorts a large group at once', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `order-${(Math.imul(i, 0x9e3779b1) >>> 0).toString(16)}`)
  const { keys: out, most } = sorted(keys.slice(0, 12_000), keys.slice(8_000))
  expect(out).toHaveLength(20_000)
  for (let i = 1; i < out.length; i++) expect(Buffer.compare(out[i - 1]!, out[i]!)).toBe(-1)
  expect(most).toBeLessThan(4_000)
})

it('brings keys of equal hashes in the order of their bytes', () => {
  // Of Java's string hash: Aa and BB are alike.
  const alike = Array.from({ length: 64 }, (_, i) =>
    [...i.toString(2).padStart(6, '0')].map((c) => (c === '0' ? 'Aa' : 'BB')).join(''),
  )
  const { keys } = sorted(alike.toReversed(), alike.slice(3, 9))
  expect(keys).toHaveLength(64)
  for (let i = 1; i < keys.length; i++) expect(Buffer.compare(keys[i - 1]!, keys[i]!)).toBe(-1)
})

it('has nothing of a group without rows', () => {
  expect(sorted([], []).keys).toEqual([])
})
