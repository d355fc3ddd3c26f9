import { hash } from 'node:crypto'

/** Hash keys from `start` to `end`, both in it: what a shard takes. */
export interface HashRange {
  readonly start: bigint
  readonly end: bigint
}

/** Where a partition key hashes to: its MD5 as a number of 128 bits, as the service does it. */
export function hashKeyOf(partitionKey: string): bigint {
  return BigInt(`0x${hash('md5', partitionKey, 'hex')}`)
}

/** An explicit hash key, in decimal digits, as a number; undefined if it is none below 2^128. */
export function parseHashKey(explicitHashKey: string): bigint | undefined {
  if (!/^(0|[1-9]\d{0,38})$/.test(explicitHashKey)) return undefined
  const key = BigInt(explicitHashKey)
  return key >> 128n === 0n ? key : undefined
}

/** Is the key in the range? */
export function isInRange(key: bigint, { start, end }: HashRange): boolean {
  return start <= key && key <= end
}
