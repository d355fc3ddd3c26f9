import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RandomSource } from '../oracles/random-source.js'
import type { FaultProxy } from './fault-proxy.js'
import type { Fault, Outcome } from './faults/faults.js'
import type { RunningJob } from './support-jobs.js'

/** A moment in a process's life at which it is killed with -9. */
export interface Kill {
  readonly name: string
  /** Sees to it that the process, just started, is killed then; returns what calls that off. */
  arm(job: RunningJob): () => void
}

/** Several checkpoint intervals. */
const HELD_MS = 1_000
const LOOK_EVERY_MS = 3

/**
 * In the middle of a request, of those of this operation the one with `skip` before it in the process's life. `before`: it never reaches
 * the service. `held`: neither, but the process has time for some checkpoints; what waits for the answer must not be behind one. `after`:
 * the service has done it, nobody hears so. A number: the network delivers it so many milliseconds after the process's death, to find the
 * next one at work perhaps.
 */
export function inRequest(
  proxy: FaultProxy,
  operation: string,
  when: 'before' | 'held' | 'after' | number,
  skip = 0,
): Kill {
  return {
    name: `in ${operation} (${typeof when === 'number' ? `${when} ms late` : when})`,
    arm(job) {
      const fault: Fault = {
        name: `kill ${typeof when === 'number' ? 'late' : when}`,
        async apply({ forward }): Promise<Outcome> {
          if (when === 'after') await forward()
          if (when === 'held') await sleep(HELD_MS)
          await job.crash()
          if (typeof when === 'number') {
            await sleep(when)
            await forward()
          }
          return 'drop'
        },
      }
      const rule = proxy.inject({ operation, fault, after: skip })
      return () => rule.remove()
    },
  }
}

/** So long after it was started: it loads its job, restores, or asks whether its streams and tables are there. */
export function afterStart(ms: number): Kill {
  return { name: `${ms} ms after its start`, arm: (job) => delayed(job, ms) }
}

/** So long after it has written another checkpoint to this folder. */
export function afterCheckpoint(folder: string, ms: number): Kill {
  return {
    name: `${ms} ms after a checkpoint`,
    arm(job) {
      const known = new Set(namesIn(folder))
      let cancel: () => void = () => undefined
      const look = setInterval(() => {
        // The first new entry says that it has taken the job over.
        if (namesIn(folder).filter((name) => !known.has(name)).length < 2) return
        clearInterval(look)
        cancel = delayed(job, ms)
      }, LOOK_EVERY_MS)
      return () => {
        clearInterval(look)
        cancel()
      }
    },
  }
}

/** Starts the job for each kill, waits for that, and looks around before the next. Rejects if a process ends otherwise. */
export async function killAgainAndAgain(
  start: () => RunningJob,
  kills: readonly Kill[],
  afterEach: () => Promise<void>,
): Promise<void> {
  for (const kill of kills) {
    const job = start()
    const disarm = kill.arm(job)
    const { signal } = await job.ended
    disarm()
    if (signal !== 'SIGKILL') throw new Error(`it should have been killed ${kill.name}, but ended:\n${job.output()}`)
    await afterEach()
  }
}

/** The same in another order. */
export function shuffled<T>(items: readonly T[], random: RandomSource): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(random.below(rest.length), 1)[0]!)
}

/** Lets each GetRecords have so few records that a stream is not read at a stroke: kills and faults strike in the middle. */
export function fewRecords(limit: number): Fault {
  return {
    name: 'few records',
    apply({ request, forward }) {
      const body = JSON.parse(request.body.toString()) as object
      return forward(Buffer.from(JSON.stringify({ ...body, Limit: limit })))
    },
  }
}

function delayed(job: RunningJob, ms: number): () => void {
  const timer = setTimeout(() => job.kill('SIGKILL'), ms)
  return () => clearTimeout(timer)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    // Not made yet.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
