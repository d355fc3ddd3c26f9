// Runs seeds of all scenarios in turn until one fails: bundled by long-run.mjs, and with a broken engine by mutations.mjs. Prints one line
// of JSON; with --trace, each event before it.
import { parseArgs } from 'node:util'
import { simulation, type Simulation } from '../../runtime/testing/simulator/simulate.js'
import { SCENARIOS } from './scenarios.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: 'Infinity' },
    seconds: { type: 'string', default: 'Infinity' },
    'seed-base': { type: 'string', default: '1' },
    /** Of so many processes, which one this is: each has other seeds. */
    processes: { type: 'string', default: '1' },
    number: { type: 'string', default: '0' },
    only: { type: 'string', default: '' },
    trace: { type: 'boolean', default: false },
    /** Each seed twice: both must come to the same, step by step. */
    twice: { type: 'boolean', default: false },
  },
})
const [seeds, seconds, base] = [values.seeds, values.seconds, values['seed-base']].map(Number) as [
  number,
  number,
  number,
]
const [processes, number] = [Number(values.processes), Number(values.number)]

interface Found {
  /** Seeds of scenarios that were run. */
  readonly seeds: number
  readonly faults?: Readonly<Record<string, number>>
  readonly scenario?: string
  /** None: it fails without any fault. */
  readonly seed?: number
  readonly problem?: string
}

async function hunt(): Promise<Found> {
  const untilMs = performance.now() + seconds * 1000
  const jobs: [string, Simulation][] = []
  for (const [scenario, job] of Object.entries(SCENARIOS)) {
    if (values.only !== '' && scenario !== values.only) continue
    try {
      jobs.push([scenario, await simulation(job())])
    } catch (error) {
      return { seeds: 0, scenario, problem: (error as Error).message }
    }
  }
  const trace = values.trace ? (line: string): void => console.log(line) : undefined
  const faults: Record<string, number> = {}
  let run = 0
  for (let seed = base + number; ; seed += processes) {
    for (const [scenario, job] of jobs) {
      if (run >= seeds || performance.now() > untilMs) return { seeds: run, faults }
      run++
      const { problems, traceHash, faults: injected } = await job.run(seed, trace)
      if (values.twice && (await job.run(seed)).traceHash !== traceHash) {
        return { seeds: run, faults, scenario, seed, problem: 'it does not replay' }
      }
      for (const [name, count] of Object.entries(injected)) faults[name] = (faults[name] ?? 0) + count
      if (problems.length > 0) return { seeds: run, faults, scenario, seed, problem: problems[0]! }
    }
  }
}

process.stdout.write(`${JSON.stringify(await hunt())}\n`)
