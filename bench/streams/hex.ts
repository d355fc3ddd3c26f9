const digits: Uint8Array = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))

/** A 32-bit integer, read as unsigned, as eight lower-case hexadecimal digits. Ten times as fast as `toString(16)`. */
export function hex8(x: number): string {
  return String.fromCharCode(
    digits[x >>> 28]!,
    digits[(x >>> 24) & 15]!,
    digits[(x >>> 20) & 15]!,
    digits[(x >>> 16) & 15]!,
    digits[(x >>> 12) & 15]!,
    digits[(x >>> 8) & 15]!,
    digits[(x >>> 4) & 15]!,
    digits[x & 15]!,
  )
}
