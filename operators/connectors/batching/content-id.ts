import { hash } from 'node:crypto'

/**
 * A stable id of a record: the first 128 bits of the SHA-256 of the parts, in 32 hexadecimal digits. What is sent again after a restart
 * has the same id, so consumers that remember ids see each record once; equal parts have equal ids.
 */
export function contentId(...parts: readonly (string | number | Uint8Array)[]): string {
  const pieces = parts.map((part) => (part instanceof Uint8Array ? part : Buffer.from(String(part))))
  // Each part's length before it: ('a', 'bc') and ('ab', 'c') differ.
  const lengths = Buffer.from(`${pieces.map(({ length }) => length).join(',')}:`)
  return hash('sha256', Buffer.concat([lengths, ...pieces]), 'hex').slice(0, 32)
}
