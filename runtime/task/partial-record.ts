/*
 * What travels on a combined edge beside plain records: batches of partials. Such a batch has the same columns; a pane stands for the
 * timestamp, and the bit of a key group that no key group uses (there are 32,768 at most) says what it is. A batch holds one kind only.
 */
import type { Key } from '../contract/key.js'
import type { RecordBatch } from '../exchange/record-batch.js'

const MARK = 0x8000

/** Records of one key and pane, combined. */
export interface PartialRecord {
  readonly key: Key
  acc: unknown
  /** How many records. */
  count: number
}

/** The key group of a partial in a batch. */
export function markPartial(keyGroup: number): number {
  return keyGroup | MARK
}

/** The key group of a record in a batch, whether it is a partial or not. */
export function plainKeyGroup(keyGroup: number): number {
  return keyGroup & ~MARK
}

/** Whether a batch just received holds partials. Their key groups are plain ones afterwards. */
export function unmarkPartials({ keyGroups, length }: RecordBatch): boolean {
  if (keyGroups === undefined || length === 0 || (keyGroups[0]! & MARK) === 0) return false
  for (let i = 0; i < length; i++) keyGroups[i] = plainKeyGroup(keyGroups[i]!)
  return true
}

/** The key of a partial. */
export function keyOfPartial(partial: unknown): Key {
  return (partial as PartialRecord).key
}
