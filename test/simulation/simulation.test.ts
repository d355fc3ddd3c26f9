// The engine in one thread under a seeded scheduler, with crashes, pauses and failures that the seed chooses, for as long as
// MILLRACE_SIMULATION_SECONDS says (60). The seeds differ from day to day, unless MILLRACE_SEED names the first; a failing one is printed with
// the command that runs it again. test/simulation/long-run.mjs runs more of them.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { defineJob } from '../../operators/index.js'
import { collectSink, simulation, sourceOf, type Simulation } from '../../runtime/testing/index.js'
import { SCENARIOS } from './scenarios.js'

const DAY_MS = 86_400_000
const BASE = Number(process.env['MILLRACE_SEED'] ?? Math.floor(Date.now() / DAY_MS) * 1000)
const SECONDS = Number(process.env['MILLRACE_SIMULATION_SECONDS'] ?? 60)
const EACH_MS = (SECONDS * 1000) / Object.keys(SCENARIOS).length

/** Seeds until one fails or time is up. */
async function runSeeds(scenario: string, job: Simulation): Promise<{ seeds: number; failed: string | undefined }> {
  const began = performance.now()
  let seeds = 0
  while (seeds === 0 || performance.now() - began < EACH_MS) {
    const { seed, problems } = await job.run(BASE + seeds++)
    if (problems.length === 0) continue
    const replay = `node test/simulation/long-run.mjs --only ${scenario} --seeds 1 --seed-base ${seed} --trace`
    return { seeds, failed: [`seed ${seed}: ${problems.join('\n')}`, `replay: ${replay}`].join('\n') }
  }
  return { seeds, failed: undefined }
}

describe('simulated with faults', () => {
  it.each(Object.entries(SCENARIOS))(
    '%s comes to what it comes to undisturbed',
    { timeout: EACH_MS + 60_000 },
    async (name, job) => {
      const simulated = await simulation(job())
      expect(simulated.notes).toEqual([])
      const { seeds, failed } = await runSeeds(name, simulated)
      console.log(`simulated ${name}: ${seeds} seeds from ${BASE}`)
      expect(failed).toBeUndefined()
    },
  )
})

describe('a simulation', () => {
  afterEach(() => vi.restoreAllMocks())

  it('replays a seed event by event, whatever ran before and whatever time it is', { timeout: 120_000 }, async () => {
    const outside = [
      vi.spyOn(Math, 'random'),
      vi.spyOn(Date, 'now'),
      vi.spyOn(performance, 'now'),
      vi.spyOn(globalThis.crypto, 'randomUUID'),
    ]
    const hashes = new Set<string>()
    for (const [name, job] of Object.entries(SCENARIOS)) {
      const [one, other] = [await simulation(job()), await simulation(job())]
      await other.run(77)
      for (const seed of [1, 2]) {
        const [first, again] = [await one.run(seed), await other.run(seed)]
        expect(again, `${name}, seed ${seed}`).toEqual(first)
        expect(first.steps).toBeGreaterThan(100)
        hashes.add(first.traceHash)
      }
    }
    expect(hashes.size).toBe(2 * Object.keys(SCENARIOS).length)
    for (const asked of outside) expect(asked).not.toHaveBeenCalled()
  })

  it('finds a job that keeps something outside of its state', { timeout: 60_000 }, async () => {
    const seen = { count: 0 }
    const records = Array.from({ length: 300 }, (_, i) => i)
    const job = defineJob({
      name: 'careless',
      build(env) {
        env
          .fromSource(sourceOf([records]), { uid: 'numbers' })
          .process<number>(
            {
              open() {
                seen.count = 0
              },
              onElement(_, ctx) {
                ctx.emit(++seen.count)
              },
            },
            { uid: 'count' },
          )
          .sinkTo(collectSink<number>().sink, { uid: 'out' })
      },
    })
    const simulated = await simulation(job)
    let problem: string | undefined
    for (let seed = 1; seed <= 100 && problem === undefined; seed++) [problem] = (await simulated.run(seed)).problems
    expect(problem).toMatch(/the output of sink "out" is not that of an undisturbed run/)
  })

  it('says what it cannot compare, for it depends on timing also without faults', { timeout: 60_000 }, async () => {
    const job = defineJob({
      name: 'timing',
      build(env) {
        const numbers = [0, 1, 2].map((split) => Array.from({ length: 50 }, (_, i) => split * 50 + i))
        let before = 0
        env
          .fromSource(sourceOf(numbers), { uid: 'numbers' })
          .map((n) => {
            const pair = [before, n]
            before = n
            return pair
          })
          .sinkTo(collectSink<number[]>().sink, { uid: 'pairs' })
      },
    })
    const { notes } = await simulation(job)
    expect(notes).toEqual(['the output of "pairs" depends on timing also without faults: it is not compared'])
  })
})
