import { availableParallelism } from 'node:os'
import { OPTIONS, type OptionName } from '../../config/options.js'
import { resolveOptions, type GivenFlags } from '../../config/resolve-options.js'
import { MillraceError, serializeError } from '../contract/errors.js'
import type { SeedResult } from '../testing/simulator/simulate.js'
import { loadJob, prepareJob } from './prepare-job.js'
import { Redactor } from './redactor.js'
import type { Screen } from './screen.js'
import { simulateOnThreads } from './simulate-threads.js'
import { tellFailure } from './tell.js'

/** The options of `runtime submit` that a simulation depends on. */
const SIMULATE_OPTIONS: readonly OptionName[] = ['params', 'config']

/** An option that only `runtime simulate` has. */
export interface SimulateFlag {
  readonly key: string
  readonly argument?: string
  readonly description: string
}

/** Those that it has besides. */
export const SIMULATE_FLAGS: readonly SimulateFlag[] = [
  { key: 'seeds', argument: 'N', description: 'how many seeds (default: 100)' },
  { key: 'seed-base', argument: 'N', description: 'the first seed (default: 1)' },
  { key: 'records', argument: 'N', description: 'read so many records of each split (default: 1000)' },
  { key: 'threads', argument: 'N', description: 'simulate on so many threads (default: the cores)' },
  { key: 'json', description: 'print one line of JSON at the end' },
  { key: 'trace', description: 'print the last events of a seed that fails' },
]

const REFUSED = 2
const FAILED = 1
const PROGRESS_MS = 5000

/** `runtime simulate` in this process. Resolves with the exit code: 1 when a seed failed. */
export async function simulateCommand(jobFile: string, flags: GivenFlags, screen: Screen): Promise<number> {
  const redactor = new Redactor()
  try {
    const seeds = numberOf(flags, 'seeds', 100, 1)
    const firstSeed = numberOf(flags, 'seed-base', 1, 0)
    const recordsPerSplit = numberOf(flags, 'records', 1000, 1)
    const threads = Math.min(seeds, numberOf(flags, 'threads', availableParallelism(), 1))
    const loaded = await loadJob(jobFile)
    const { secretParams, bundle } = await prepareJob(loaded, resolveOptions(flags, process.env), redactor)
    bundle.ensure()
    const progress = new SimulateProgress(screen, seeds, firstSeed)
    const stop = new AbortController()
    const task = { bundleUrl: bundle.url, options: { params: secretParams.values, recordsPerSplit }, firstSeed, seeds }
    await simulateOnThreads(
      task,
      threads,
      {
        ready: (info) => progress.ready(info),
        seed: (result) => {
          progress.seed(result)
          if (result.problems.length > 0) stop.abort()
        },
      },
      stop.signal,
    )
    const replay = replayCommand(jobFile, flags)
    if (flags['json'] !== undefined) return progress.endAsJson(replay)
    return progress.end(replay, flags['trace'] !== undefined)
  } catch (error) {
    const serialized = redactor.error(serializeError(error, 'MILLRACE_INTERNAL'))
    tellFailure(screen, undefined, serialized)
    return serialized.code === 'MILLRACE_USER' || serialized.code === 'MILLRACE_INTERNAL' ? FAILED : REFUSED
  } finally {
    screen.end()
  }
}

class SimulateProgress {
  private readonly screen: Screen
  private readonly seeds: number
  private readonly firstSeed: number
  private readonly startMs = performance.now()
  private toldMs = performance.now()
  private readonly faults = new Map<string, number>()
  private readonly failed: SeedResult[] = []
  private done = 0
  private steps = 0
  private processes = 0
  private checkpoints = 0
  private begun = false

  constructor(screen: Screen, seeds: number, firstSeed: number) {
    this.screen = screen
    this.seeds = seeds
    this.firstSeed = firstSeed
    screen.note(`simulates ${seeds} seeds from ${firstSeed}`)
  }

  ready({ notes, records }: { readonly notes: readonly string[]; readonly records: number }): void {
    if (this.begun) return
    this.begun = true
    this.screen.note(`undisturbed, the job writes ${records} records`)
    for (const note of notes) this.screen.note(`warning: ${note}`)
  }

  seed(result: SeedResult): void {
    this.done++
    this.steps += result.steps
    this.processes += result.processes
    this.checkpoints += result.checkpoints
    for (const [name, count] of Object.entries(result.faults)) {
      this.faults.set(name, (this.faults.get(name) ?? 0) + count)
    }
    if (result.problems.length > 0) this.failed.push(result)
    if (performance.now() - this.toldMs < PROGRESS_MS) return
    this.toldMs = performance.now()
    this.screen.note(`${this.done} of ${this.seeds} seeds, ${this.rate()} a second`)
  }

  end(replay: (seed: number) => string, trace: boolean): number {
    const { screen } = this
    screen.print(
      `${this.done} seeds, ${this.rate()} a second: ${this.steps} events, ${this.processes} processes, ${this.checkpoints} checkpoints`,
    )
    const width = Math.max(0, ...[...this.faults.keys()].map((name) => name.length))
    if (this.faults.size > 0) screen.print('injected faults:')
    for (const [name, count] of this.sortedFaults()) {
      screen.print(`  ${name.padEnd(width)}  ${String(count).padStart(8)}`)
    }
    for (const { seed, problems, lastEvents } of this.failed) {
      if (trace) for (const event of lastEvents) screen.print(event)
      screen.print(`seed ${seed} FAILED:`)
      for (const problem of problems) screen.print(`  ${problem}`)
      screen.print(`replay: ${replay(seed)}`)
    }
    if (this.failed.length === 0) screen.print('none failed')
    return this.failed.length === 0 ? 0 : FAILED
  }

  endAsJson(replay: (seed: number) => string): number {
    const { done: seeds, firstSeed: seedBase, steps, processes, checkpoints } = this
    const failed = this.failed.map(({ seed, problems }) => ({ seed, problems, replay: replay(seed) }))
    const faults = Object.fromEntries(this.sortedFaults())
    this.screen.print(JSON.stringify({ seeds, seedBase, steps, processes, checkpoints, faults, failed }))
    return failed.length === 0 ? 0 : FAILED
  }

  private sortedFaults(): [string, number][] {
    return [...this.faults].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  private rate(): string {
    return ((this.done * 1000) / (performance.now() - this.startMs)).toFixed(1)
  }
}

function replayCommand(jobFile: string, flags: GivenFlags): (seed: number) => string {
  const kept = ['records', 'param', 'config'].flatMap((key) =>
    (flags[key] ?? []).map((value) => `--${key} ${quoted(value)}`),
  )
  return (seed) =>
    ['npx runtime simulate', quoted(jobFile), '--seeds 1', `--seed-base ${seed}`, '--trace', ...kept].join(' ')
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function numberOf(flags: GivenFlags, key: string, byDefault: number, least: number): number {
  const given = flags[key]?.at(-1)
  if (given === undefined) return byDefault
  const value = Number(given)
  if (/^\d+$/.test(given) && Number.isSafeInteger(value) && value >= least) return value
  throw new MillraceError('MILLRACE_USAGE', `--${key} ${given} is not valid`, {
    hint: `expected a whole number, at least ${least}`,
  })
}

/** The options of `runtime submit` that hold here too. */
export function simulateOptions(): (typeof OPTIONS)[OptionName][] {
  return SIMULATE_OPTIONS.map((name) => OPTIONS[name])
}
