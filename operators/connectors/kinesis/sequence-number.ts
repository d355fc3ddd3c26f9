/** Whether a sequence number of a shard lies behind another: numbers of any length, so never compared as text. */
export function isAfter(a: string, b: string): boolean {
  return a !== b && BigInt(a) > BigInt(b)
}

/** Whether a record of that number comes before the other. */
export function isBehind(a: string, b: string): boolean {
  return a !== b && BigInt(a) < BigInt(b)
}
