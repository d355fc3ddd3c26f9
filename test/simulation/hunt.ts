// Runs seeds of all scenarios in turn until one fails: bundled with a broken engine by mutations.mjs.
// Arguments: seeds, first seed. Prints one line of JSON.
import { simulation, type Simulation } from '../../runtime/testing/simulator/simulate.js'
import { SCENARIOS } from './scenarios.js'

const [seeds, firstSeed] = process.argv.slice(2).map(Number) as [number, number]

async function hunt(): Promise<{ readonly seeds: number; readonly scenario?: string; readonly problem?: string }> {
  const jobs: [string, Simulation][] = []
  for (const [scenario, job] of Object.entries(SCENARIOS)) {
    try {
      jobs.push([scenario, await simulation(job())])
    } catch (error) {
      return { seeds: 0, scenario, problem: (error as Error).message }
    }
  }
  let run = 0
  for (let seed = firstSeed; run < seeds; seed++) {
    for (const [scenario, job] of jobs) {
      run++
      const { problems } = await job.run(seed)
      if (problems.length > 0) return { seeds: run, scenario, problem: problems[0]! }
    }
  }
  return { seeds: run }
}

process.stdout.write(`${JSON.stringify(await hunt())}\n`)
