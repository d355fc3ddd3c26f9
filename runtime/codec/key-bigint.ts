/*
 * A bigint's sign, length and magnitude, so that bytewise order is numeric order:
 *   n = bytes of the magnitude; marker 80 + min(n, 7f); when n >= 7f its four bytes; then the magnitude, big-endian.
 *   Of a negative bigint: marker 80 - min(n, 7f) and every later byte inverted.
 */

/** The marker of zero; a bigint of n magnitude bytes is n above it, or below it when negative. */
export const BIGINT_ZERO = 0x80
/** From this many magnitude bytes on, the count follows the marker in four bytes. */
export const BIGINT_LONG = 0x7f

/** Writes the encoding after the tag and returns its end; writes past the end of `into` are lost, so the caller checks. */
export function encodeBigintKey(key: bigint, into: Uint8Array, at: number): number {
  const negative = key < 0n
  const hex = magnitudeHex(key)
  const count = hex.length >> 1
  const marker = Math.min(count, BIGINT_LONG)
  const flip = negative ? 0xff : 0
  into[at++] = negative ? BIGINT_ZERO - marker : BIGINT_ZERO + marker
  if (count >= BIGINT_LONG) for (let shift = 24; shift >= 0; shift -= 8) into[at++] = (count >>> shift) ^ flip
  for (let i = 0; i < hex.length; i += 2) into[at++] = ((nibble(hex, i) << 4) | nibble(hex, i + 1)) ^ flip
  return at
}

/** The bytes {@link encodeBigintKey} writes. */
export function bigintKeyLength(key: bigint): number {
  const count = magnitudeHex(key).length >> 1
  return 1 + count + (count >= BIGINT_LONG ? 4 : 0)
}

function magnitudeHex(key: bigint): string {
  if (key === 0n) return ''
  const hex = (key < 0n ? -key : key).toString(16)
  return hex.length % 2 === 0 ? hex : `0${hex}`
}

function nibble(hex: string, index: number): number {
  const unit = hex.charCodeAt(index)
  return unit < 0x40 ? unit - 0x30 : unit - 0x57
}
