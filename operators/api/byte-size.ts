/** What a number of bytes may look like, for messages. */
export const BYTES_FORM = '1048576, 64KB, 512MB or 2GB'

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** Bytes of `512MB`; units are powers of 1,024 (as Flink's `MemorySize`), `MB` and `MiB` alike. Undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|b)?$/i.exec(text.trim())
  if (match === null) return undefined
  const bytes = Number(match[1]) * UNITS[(match[2] ?? '').toLowerCase()]!
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
