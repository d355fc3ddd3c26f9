/** Random numbers that a seed decides: the same seed gives the same numbers, on every machine. */
export interface RandomSource {
  /** An integer of 0 .. limit - 1. */
  below(limit: number): number
  /** An integer of from .. to, both included. */
  between(from: number, to: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  /** One of `choices`, which must not be empty. */
  pick<T>(choices: readonly T[]): T
}

/** A Weyl sequence through the finaliser of MurmurHash3; good enough to choose test input with. */
export function randomSource(seed: number): RandomSource {
  let state = Math.imul(seed, 0x5851f42d) ^ 0x14057b7e
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit)
  return {
    below,
    between: (from, to) => from + below(to - from + 1),
    chance: (probability) => next() / 2 ** 32 < probability,
    pick: (choices) => choices[below(choices.length)]!,
  }
}
