import type { Clock } from '../../contract/time.js'
import type { Actor, Scheduler } from './scheduler.js'

/** The clock of one process: it may jump, its timers do not. */
export class ProcessTime {
  skewMs = 0
}

/** The clock as one thread of a process sees it: its timers end with the thread. */
export function simClock(scheduler: Scheduler, actor: Actor, time: ProcessTime): Clock {
  return {
    now: () => Math.floor(scheduler.nowMs + time.skewMs),
    steady: () => Math.floor(scheduler.nowMs),
    setTimeout: (callback, delayMs) => scheduler.schedule(actor, Math.max(1, delayMs), 'timer', callback),
  }
}
