/** The number of row positions in one key group. */
export const POSITIONS: number = 2 ** 32

/**
 * Where a row stands among all rows: its key group, then the first four bytes of its key, which are a hash. Rows of one entry have one
 * position; rows in order have ascending ones. A safe integer.
 */
export function rowPosition(keyGroup: number, key: Uint8Array, from: number): number {
  const hash = (key[from]! << 24) | (key[from + 1]! << 16) | (key[from + 2]! << 8) | key[from + 3]!
  return keyGroup * POSITIONS + (hash >>> 0)
}
