// A job that is killed again and again, in every way there is, and goes on each time.
import type { RandomSource } from '../oracles/random-source.js'
import { pause, type Submitted, type World } from '../chaos/processes.js'

/** For one kill and all that it waits for: a job that takes as long does not go on. */
const LONGEST_MS = 180_000

/** The job with its processes, as a kill sees it. */
export class Victim {
  readonly world: World
  readonly random: RandomSource
  private process: Submitted | undefined

  constructor(world: World, random: RandomSource) {
    this.world = world
    this.random = random
  }

  /** The process, started if there is none; it may not have begun to run the job. */
  submitted(): Submitted {
    this.process ??= this.world.submit(
      { records: 20, everyMs: 10 },
      '--memory',
      '64MB',
      '--parallelism',
      String(this.random.between(2, 4)),
    )
    return this.process
  }

  /** The process, once it reads records, and has published a checkpoint that it has taken itself. */
  async running(): Promise<Submitted> {
    const process = this.submitted()
    await this.fail('nothing')
    const before = this.world.visibleParts().length
    await process.until(() => this.world.visibleParts().length > before)
    return process
  }

  /** What the process has said so far. */
  get said(): string {
    return this.process?.said ?? 'no process'
  }

  /** Kills the process; the next one is submitted when it is wanted. */
  async kill(): Promise<void> {
    const { signal, stderr } = await this.submitted().kill()
    if (signal !== 'SIGKILL') throw new Error(`it should have been killed, but ended:\n${stderr}`)
    this.process = undefined
  }

  /** A thread is told to fail, or to do `nothing`; resolves when one that reads records is about to. */
  async fail(fault: string): Promise<void> {
    const process = this.submitted()
    this.world.order(fault)
    await process.until(() => !this.world.hasOrdered(fault))
  }

  /** Kills the process when it has come to the stop. */
  async killAt(stop: string): Promise<void> {
    const process = this.submitted()
    await process.until(() => this.world.hasReached(stop))
    await this.kill()
    this.world.clear(stop)
  }

  /** Ends the process, if there is one, with nothing of it left behind. */
  async end(): Promise<void> {
    await this.process?.kill()
    this.process = undefined
  }
}

/** A kind of kill. */
export interface Kind {
  readonly name: string
  strike(victim: Victim): Promise<void>
}

/** Strikes in each of these ways, one after the other; `log` hears of each. Rejects where the job does not go on. */
export async function killAgainAndAgain(
  victim: Victim,
  kinds: readonly Kind[],
  log: (line: string) => void,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  try {
    for (const [i, kind] of kinds.entries()) {
      log(`${i + 1} of ${kinds.length}: ${kind.name}`)
      await withinTime(kind.strike(victim), victim).catch((error: unknown) => {
        throw new Error(`${kind.name}: ${(error as Error).message}`, { cause: error })
      })
      counts.set(kind.name, (counts.get(kind.name) ?? 0) + 1)
    }
  } finally {
    await victim.end()
  }
  return counts
}

async function withinTime(struck: Promise<void>, victim: Victim): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`nothing has come of it for ${LONGEST_MS} ms:\n${victim.said}`)),
      LONGEST_MS,
    )
  })
  await Promise.race([struck, late]).finally(() => clearTimeout(timer))
}

/** So many kinds, each as often as any other, in any order. */
export function drawn(kinds: readonly Kind[], count: number, random: RandomSource): Kind[] {
  const all: Kind[] = []
  while (all.length < count) {
    const round = [...kinds]
    while (round.length > 0 && all.length < count) all.push(...round.splice(random.below(round.length), 1))
  }
  return all
}

/** Any time up to this. */
export function aWhile({ random }: Victim, mostMs: number): Promise<void> {
  return pause(random.below(mostMs))
}
