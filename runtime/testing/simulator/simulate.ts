import { MillraceError } from '../../contract/errors.js'
import type { JobDefinition } from '../../contract/graph.js'
import { checkJob } from '../../coordinator/check-job.js'
import { systemClock } from '../../worker/system-clock.js'
import { frozenJob } from '../frozen-job.js'
import { CALM, drawProfile, type FaultCounts } from './faults.js'
import type { SplitLimits } from './counted-source.js'
import { SimRandom } from './random.js'
import type { ProcessSettings } from './sim-process.js'
import { runWorld, type WorldOptions, type WorldResult } from './world.js'

/** How {@link simulation} runs a job. */
export interface SimulationOptions {
  readonly params?: Readonly<Record<string, string>>
  /** Records of each split that are read; needed for sources without an end. Default: all. */
  readonly recordsPerSplit?: number
  /** Events after which a seed is given up as stuck. Default 2,000,000. */
  readonly maxSteps?: number
}

/** What a seed came to. */
export interface SeedResult {
  readonly seed: number
  /** What went wrong; none: nothing did. */
  readonly problems: readonly string[]
  readonly faults: FaultCounts
  readonly steps: number
  readonly virtualMs: number
  /** Processes and checkpoints that it took. */
  readonly processes: number
  readonly checkpoints: number
  /** Of all events: a seed that runs again has the same. */
  readonly traceHash: string
  readonly lastEvents: readonly string[]
}

/** A job to be simulated, and what it comes to undisturbed. */
export interface Simulation {
  /** What could not be compared, since it depends on timing also without any fault. */
  readonly notes: readonly string[]
  /** Of the undisturbed run. */
  readonly reference: WorldResult
  /** `trace` gets each event, as a line of text. */
  run(seed: number, trace?: (line: string) => void): Promise<SeedResult>
}

/** What does not depend on timing. */
interface Comparable {
  readonly output: ReadonlySet<string>
  readonly state: ReadonlySet<string>
  readonly counters: ReadonlySet<string>
}

const KEY_GROUPS = [4, 16, 128] as const

/**
 * Runs the job undisturbed, in a few orders and parallelisms, to know what each seed must come to. The engine is the real one; clock,
 * threads, network and storage are simulated, sinks write to a simulated transactional system. Rejects with a MillraceError if the job
 * cannot run undisturbed, or if what it writes depends on timing.
 */
export async function simulation(given: JobDefinition, options: SimulationOptions = {}): Promise<Simulation> {
  const job = frozenJob(given)
  const { params = {}, recordsPerSplit = Infinity } = options
  const graph = job.build(params)
  for (const node of graph.nodes) {
    if (node.kind === 'source' && !node.source.bounded && options.recordsPerSplit === undefined) {
      throw new MillraceError('MILLRACE_USAGE', `source "${node.uid}" has no end: a simulation needs one`, {
        hint: 'say how many records of each split are to be read: --records N',
      })
    }
  }
  const sources = graph.nodes.filter((node) => node.kind === 'source')
  await checkJob({ nodes: sources }, { jobId: job.name, clock: systemClock, warn: () => {} })
  const common = {
    job,
    params,
    limitOf: () => recordsPerSplit,
    maxSteps: options.maxSteps ?? 2_000_000,
    checkWatermarks: true,
  }
  const calm = (seed: string, parallelism: number): WorldOptions => ({
    ...common,
    seed,
    profile: CALM,
    faultsForMs: 0,
    mostPerPoll: 512,
    settings: () => ({ ...CALM_SETTINGS, parallelism }),
  })
  const reference = await undisturbed(calm('undisturbed', 1))
  const others = [
    await undisturbed({ ...calm('another order', 1), mostPerPoll: 7 }),
    await undisturbed({ ...calm('in parallel', 3), mostPerPoll: 31 }),
  ]
  const { comparable, notes } = whatToCompare(
    reference,
    others,
    sources.map(({ uid }) => uid),
  )
  /** What a job that was stopped with drain had read decides what it must have come to. */
  const compared = async (result: WorldResult): Promise<string[]> => {
    const { drainedAt } = result
    if (drainedAt === undefined) return differences(comparable, reference, result)
    const limitOf: SplitLimits = (uid, splitId) => Math.min(recordsPerSplit, drainedAt(uid, splitId))
    const drained = await undisturbed({ ...calm('as far as it was read', 2), limitOf })
    // What waits for the clock when the input ends is dropped, there or here.
    if (dropsTimers(drained) || dropsTimers(result)) return []
    return differences({ ...comparable, counters: new Set() }, drained, result)
  }
  const expectedMs = Math.max(...others.map(({ virtualMs }) => virtualMs), reference.virtualMs)
  return {
    reference,
    notes,
    run: async (seed, trace) => {
      const random = new SimRandom(`seed ${seed}`)
      const result = await runWorld({
        ...common,
        seed: `seed ${seed}`,
        trace,
        profile: drawProfile(random.fork('profile'), expectedMs),
        faultsForMs: expectedMs * 3 + 20_000,
        mostPerPoll: random.pick([1, 4, 16, 64, 512]),
        settings: settingsOf(random.fork('settings'), expectedMs),
      })
      return {
        seed,
        problems: result.violations.length > 0 ? result.violations : await compared(result),
        faults: result.faults,
        steps: result.steps,
        virtualMs: result.virtualMs,
        processes: result.processes,
        checkpoints: result.checkpoints,
        traceHash: result.traceHash,
        lastEvents: result.lastEvents,
      }
    },
  }
}

const CALM_SETTINGS: Omit<ProcessSettings, 'parallelism'> = {
  maxParallelism: 128,
  checkpointIntervalMs: 0,
  checkpointTimeoutMs: 600_000,
  alignmentTimeoutMs: Infinity,
  impatient: false,
  minPauseMs: 0,
  maxConcurrentCheckpoints: 1,
  toleratedFailures: 0,
  ringBytes: 64 * 1024,
  cacheBytes: 64 * 2 ** 20,
  restartAttempts: 0,
}

/** Each process of a seed runs with another parallelism and memory; the key groups stay. */
function settingsOf(seeded: SimRandom, expectedMs: number): WorldOptions['settings'] {
  const maxParallelism = seeded.pick(KEY_GROUPS)
  const intervalMs = Math.max(5, (expectedMs / seeded.pick([3, 10, 30])) * (0.5 + seeded.next()))
  const tinyRings = seeded.chance(0.3)
  const tinyCache = seeded.chance(0.3)
  const impatient = seeded.chance(0.2)
  const concurrent = seeded.pick([1, 1, 2, 3])
  const pauses = concurrent === 1 && seeded.chance(0.3)
  const tolerated = seeded.pick([0, 2, 1_000_000])
  return (random, calm) => ({
    maxParallelism,
    parallelism: random.between(1, 4),
    checkpointIntervalMs: Math.ceil(intervalMs),
    checkpointTimeoutMs: impatient && !calm ? random.between(5, 500) : 60_000,
    alignmentTimeoutMs: random.pick([0, 0, 5, 50, Infinity]),
    impatient: impatient && !calm,
    minPauseMs: pauses ? Math.ceil(intervalMs / 2) : 0,
    maxConcurrentCheckpoints: concurrent,
    // No job gets anywhere that restarts before any checkpoint can complete.
    toleratedFailures: impatient ? 1_000_000 : tolerated,
    ringBytes: tinyRings ? random.pick([128, 512, 2048]) : 64 * 1024,
    cacheBytes: tinyCache ? random.pick([0, 2_000, 20_000]) : 64 * 2 ** 20,
    restartAttempts: random.pick([0, 3, 10]),
  })
}

async function undisturbed(options: WorldOptions): Promise<WorldResult> {
  const result = await runWorld(options)
  if (result.violations.length > 0) {
    const message = `the job does not run even undisturbed: ${result.violations[0]}`
    throw new MillraceError('MILLRACE_USER', message, { hint: 'run it with runtime submit first' })
  }
  return result
}

function whatToCompare(
  reference: WorldResult,
  others: readonly WorldResult[],
  sources: readonly string[],
): { comparable: Comparable; notes: readonly string[] } {
  const notes: string[] = []
  const same = (what: string, of: (result: WorldResult) => ReadonlyMap<string, readonly string[]>): Set<string> => {
    const found = new Set<string>()
    for (const [uid, lines] of of(reference)) {
      if (others.every((other) => firstDifference(lines, of(other).get(uid) ?? []) === undefined)) found.add(uid)
      else notes.push(`the ${what} of "${uid}" depends on timing also without faults: it is not compared`)
    }
    return found
  }
  const output = same('output', (result) => result.output)
  const state = same('state', (result) => result.state)
  const counters = new Set<string>()
  const timely = notes.length === 0
  for (const [name, count] of flat(reference.counters)) {
    // Where results depend on timing, so do their numbers, sooner or later.
    if (!timely && !sources.some((uid) => name === `numRecordsIn of "${uid}"`)) continue
    if (others.every((other) => (flat(other.counters).get(name) ?? 0) === count)) counters.add(name)
  }
  return { comparable: { output, state, counters }, notes }
}

function differences(comparable: Comparable, reference: WorldResult, result: WorldResult): string[] {
  const found: string[] = []
  for (const uid of comparable.output) {
    const difference = firstDifference(reference.output.get(uid) ?? [], result.output.get(uid) ?? [])
    if (difference !== undefined)
      found.push(`the output of sink "${uid}" is not that of an undisturbed run: ${difference}`)
  }
  const known = new Set(reference.output.keys())
  for (const uid of result.output.keys()) {
    if (!known.has(uid)) found.push(`sink "${uid}" has output, in an undisturbed run it has none`)
  }
  for (const uid of comparable.state) {
    const difference = firstDifference(reference.state.get(uid) ?? [], result.state.get(uid) ?? [])
    if (difference !== undefined) found.push(`the state of "${uid}" is not that of an undisturbed run: ${difference}`)
  }
  const counts = flat(result.counters)
  for (const [name, count] of flat(reference.counters)) {
    const now = counts.get(name) ?? 0
    if (comparable.counters.has(name) && now !== count) found.push(`${name} is ${now}, in an undisturbed run ${count}`)
  }
  return found
}

function dropsTimers({ counters }: WorldResult): boolean {
  return Object.values(counters).some((names) => (names['numProcessingTimersDropped'] ?? 0) > 0)
}

function flat(counters: WorldResult['counters']): Map<string, number> {
  return new Map(
    Object.entries(counters).flatMap(([uid, names]) =>
      Object.entries(names).map(([name, count]): [string, number] => [`${name} of "${uid}"`, count]),
    ),
  )
}

/** The first line that one has and the other has not; both are sorted. */
function firstDifference(expected: readonly string[], actual: readonly string[]): string | undefined {
  for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
    const [one, other] = [expected[i], actual[i]]
    if (one === other) continue
    const counts = `${actual.length} lines instead of ${expected.length}`
    if (other === undefined || (one !== undefined && one < other)) return `${counts}; missing: ${cut(one!)}`
    return `${counts}; too much: ${cut(other)}`
  }
  return undefined
}

function cut(text: string): string {
  return text.length < 200 ? text : `${text.slice(0, 200)}...`
}
