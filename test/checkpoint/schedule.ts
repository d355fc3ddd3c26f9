/**
 * Runs concurrent actors step by step. Each waits at `gate(actor)` before a step; whenever all are waiting or done, one is let through.
 * Which one is a choice, so every interleaving of a small history can be tried in turn.
 */
export class Schedule {
  readonly #choices: readonly number[]
  readonly #waiting: { actor: string; go: () => void }[] = []
  /** What was chosen, out of how many. */
  readonly taken: { choice: number; width: number }[] = []

  constructor(choices: readonly number[]) {
    this.#choices = choices
  }

  gate(actor: string): Promise<void> {
    return new Promise((go) => this.#waiting.push({ actor, go }))
  }

  /** Lets the actors run to their ends. */
  async run(actors: readonly Promise<void>[]): Promise<void> {
    const all = Promise.all(actors)
    for (;;) {
      await new Promise<void>((settled) => setImmediate(settled))
      if (this.#waiting.length === 0) break
      this.#waiting.sort((a, b) => (a.actor < b.actor ? -1 : a.actor > b.actor ? 1 : 0))
      const width = this.#waiting.length
      const choice = (this.#choices[this.taken.length] ?? 0) % width
      this.taken.push({ choice, width })
      this.#waiting.splice(choice, 1)[0]?.go()
    }
    await all
  }
}

/** Runs `once` under every schedule. Returns how many there were. */
export async function everySchedule(once: (schedule: Schedule) => Promise<void>): Promise<number> {
  let choices: number[] | undefined = []
  let count = 0
  while (choices !== undefined) {
    const schedule: Schedule = new Schedule(choices)
    await once(schedule)
    count++
    const taken = schedule.taken
    let last = taken.length - 1
    while (last >= 0 && (taken[last]?.choice ?? 0) + 1 >= (taken[last]?.width ?? 0)) last--
    const next = taken[last]
    choices = next === undefined ? undefined : [...taken.slice(0, last).map(({ choice }) => choice), next.choice + 1]
  }
  return count
}
