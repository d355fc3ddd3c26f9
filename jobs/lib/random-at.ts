/** 0 <= x < 1, the same for the same arguments: the finaliser of MurmurHash3. */
export function randomAt(seed: number, index: number, salt: number): number {
  let z = (Math.imul(seed, 0x5851f42d) ^ Math.imul(index + 1, 0x9e3779b9) ^ Math.imul(salt, 0x7feb352d)) | 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32
}

/** One of the choices, the same for the same arguments. */
export function pickAt<T>(choices: readonly [T, ...T[]], seed: number, index: number, salt: number): T {
  return choices[Math.floor(randomAt(seed, index, salt) * choices.length)] ?? choices[0]
}
