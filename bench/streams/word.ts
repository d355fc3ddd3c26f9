import { numbered, numberedHeads } from './decimal.js'
import { below, EXTRA_SALT, KEY_SALT, rnd } from './random.js'

const words = numberedHeads('word')

/** The word of `index`, of 100,000: uniform below a limit that is itself halved 0 to 16 times, so about 1 / rank. */
export function word(index: number): string {
  const limit = Math.max(1, 100_000 >> below(rnd(index, EXTRA_SALT), 17))
  return numbered(words, below(rnd(index, KEY_SALT), limit))
}
