import type { Patience } from './persistently.js'

/** Of a check before the job runs, which has no clock of its own: a few tries, so that a hiccup does not keep a job from starting. */
export function checkPatience(random: () => number): Patience {
  return {
    attempts: 6,
    random,
    clock: {
      now: () => Date.now(),
      setTimeout(callback, delayMs) {
        const timer = setTimeout(callback, delayMs)
        return () => clearTimeout(timer)
      },
    },
  }
}
