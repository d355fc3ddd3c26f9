import type { Clock } from '../contract/time.js'

/** The main thread's clock. Its timers keep the process alive: a job that waits to restart must not end by that. */
export const mainClock: Clock = {
  now: () => Date.now(),
  steady: () => Math.floor(performance.now()),
  setTimeout: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
