// The engine in one thread under a seeded scheduler, with crashes, pauses and failures that the seed chooses. A failing seed is printed;
// MILLRACE_SEED=<seed> MILLRACE_SIM_SEEDS=1 runs it again. More seeds: MILLRACE_SIM_MS (for each job), or `runtime simulate`.
import { describe, expect, it } from 'vitest'
import { defineJob } from '../../operators/index.js'
import { collectSink, simulation, sourceOf, type Simulation } from '../../runtime/testing/index.js'
import { SCENARIOS } from './scenarios.js'

const BASE = Number(process.env['MILLRACE_SEED'] ?? 1)
const SEEDS = Number(process.env['MILLRACE_SIM_SEEDS'] ?? 1_000_000)
const EACH_MS = Number(process.env['MILLRACE_SIM_MS'] ?? 7_000)

/** Seeds until one fails or time is up. */
async function runSeeds(job: Simulation): Promise<{ readonly seeds: number; readonly failed: string | undefined }> {
  const began = performance.now()
  let seeds = 0
  while (seeds < SEEDS && (seeds === 0 || performance.now() - began < EACH_MS)) {
    const { seed, problems } = await job.run(BASE + seeds++)
    if (problems.length > 0) return { seeds, failed: `seed ${seed}: ${problems.join('\n')}` }
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
      const { seeds, failed } = await runSeeds(simulated)
      console.log(`simulated ${name}: ${seeds} seeds from ${BASE}`)
      expect(failed).toBeUndefined()
    },
  )
})

describe('a simulation', () => {
  it('replays a seed event by event', { timeout: 60_000 }, async () => {
    for (const name of ['windows', 'asynchronous']) {
      const [one, other] = [await simulation(SCENARIOS[name]!()), await simulation(SCENARIOS[name]!())]
      // Whatever ran before.
      await other.run(77)
      for (const seed of [BASE, BASE + 1, BASE + 2, BASE + 3]) {
        const [first, again] = [await one.run(seed), await other.run(seed)]
        expect(again).toEqual(first)
        expect(first.steps).toBeGreaterThan(100)
      }
      expect((await one.run(BASE)).traceHash).not.toBe((await one.run(BASE + 1)).traceHash)
    }
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
