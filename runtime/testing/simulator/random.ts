/** Pseudo-random numbers from a seed: sfc32. Not for secrets. */
export class SimRandom {
  private a: number
  private b: number
  private c: number
  private counter = 1
  private readonly seed: string

  constructor(seed: string) {
    this.seed = seed
    this.a = hashText(seed, 1)
    this.b = hashText(seed, 2)
    this.c = hashText(seed, 3)
    for (let i = 0; i < 12; i++) this.next()
  }

  /** Another sequence, which does not depend on how many numbers were drawn from this one. */
  fork(label: string): SimRandom {
    return new SimRandom(`${this.seed}/${label}`)
  }

  /** In [0, 1). */
  next(): number {
    const t = (this.a + this.b + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + t
    return (t >>> 0) / 2 ** 32
  }

  /** An integer in [low, high]. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)]!
  }

  /** A name that looks like a UUID's first half: unique in practice, for ids. */
  id(): string {
    return `${this.hex()}${this.hex()}`
  }

  private hex(): string {
    return Math.floor(this.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  }
}

/** FNV-1a, 32 bits. */
export function hashText(text: string, from: number): number {
  let hash = (0x811c9dc5 ^ from) >>> 0
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
