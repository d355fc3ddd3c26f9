// Runs seeds of all scenarios in turn until one fails: bundled with a broken engine by mutations.mjs.
// Arguments: seeds, first seed, and of how many processes this is which one. Prints one line of JSON.
import { simulation, type Simulation } from '../../runtime/testing/simulator/simulate.js'
import { SCENARIOS } from './scenarios.js'

const [seeds, firstSeed, processes = 1, number = 0] = process.argv.slice(2).map(Number) as [number, number]

interface Found {
  readonly seeds: number
  readonly faults?: Readonly<Record<string, number>>
  readonly scenario?: string
  readonly seed?: number
  readonly problem?: string
}

async function hunt(): Promise<Found> {
  const jobs: [string, Simulation][] = []
  for (const [scenario, job] of Object.entries(SCENARIOS)) {
    try {
      jobs.push([scenario, await simulation(job())])
    } catch (error) {
      return { seeds: 0, scenario, problem: (error as Error).message }
    }
  }
  let run = 0
  const faults: Record<string, number> = {}
  for (let seed = firstSeed + number; run < seeds; seed += processes) {
    for (const [scenario, job] of jobs) {
      run++
      const { problems, faults: injected } = await job.run(seed)
      for (const [name, count] of Object.entries(injected)) faults[name] = (faults[name] ?? 0) + count
      if (problems.length > 0) return { seeds: run, faults, scenario, seed, problem: problems[0]! }
    }
  }
  return { seeds: run, faults }
}

process.stdout.write(`${JSON.stringify(await hunt())}\n`)
