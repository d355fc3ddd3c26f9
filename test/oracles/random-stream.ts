import type { Arrival } from './arrivals.js'
import { hostileKeys, hostileTexts } from './hostile-keys.js'
import type { OracleKey } from './keys.js'
import type { RandomSource } from './random-source.js'
import { randomSource } from './random-source.js'
import type { KeyedRecord } from './windows.js'

/** What a random record carries: `id` is its place in the stream, so that a lost or doubled record shows. */
export interface RandomValue {
  readonly id: number
  readonly amount: number
}

/** The nature of a random stream. Chances are probabilities for one record. */
export interface RandomStreamOptions<K extends OracleKey = OracleKey> {
  readonly records: number
  readonly keys: readonly K[]
  /** Share of the records that all go to the first key. */
  readonly hotShare: number
  /** Event time of the start; may be negative. */
  readonly startMs: number
  /** Most that event time goes on from record to record. */
  readonly stepMs: number
  /** What is not made late on purpose lies at most this far behind the greatest time so far, and some just so far. */
  readonly disorderMs: number
  /**
   * The watermarks' bound is `disorderMs + slackMs`. With 0, a record may come just after the session that it touches has
   * fired and make a second one (Flink's does); with 1 or more, sessions do not depend on the order of arrival.
   */
  readonly slackMs: number
  /** Same time as the record before. */
  readonly tieChance: number
  /** A window size or session gap: with `edgeChance` a time lies on or one beside a multiple of it, or exactly so far
   * after the last record of its key. */
  readonly edgeMs: number
  readonly edgeChance: number
  /** A jump of three to six times `edgeMs`, which ends sessions. */
  readonly pauseChance: number
  /** Behind the bound by up to `lateByMs`; such a record may be late. */
  readonly lateChance: number
  readonly lateByMs: number
  /** At most this many records between two watermarks. */
  readonly watermarkEvery: number
}

/** The same seed and overrides give the same stream. What `overrides` leaves open, the seed decides. */
export function randomStream(
  seed: number,
  overrides: Partial<RandomStreamOptions> = {},
): { options: RandomStreamOptions; arrivals: Arrival<OracleKey, RandomValue>[] } {
  const random = randomSource(seed)
  const options: RandomStreamOptions = { ...randomOptions(random), ...overrides }
  return { options, arrivals: arrivalsOf(random, options) }
}

/** As {@link randomStream}, but keyed by texts only: for what is written to files. */
export function randomTextStream(
  seed: number,
  overrides: Partial<RandomStreamOptions<string>> = {},
): { options: RandomStreamOptions<string>; arrivals: Arrival<string, RandomValue>[] } {
  const random = randomSource(seed)
  const drawn = { ...randomOptions(random), keys: someOf(random, hostileTexts) }
  const options: RandomStreamOptions<string> = { ...drawn, ...overrides }
  return { options, arrivals: arrivalsOf(random, options) }
}

/** The bound of disorder, milliseconds, that a stream's watermarks follow. */
export function boundOf(options: Pick<RandomStreamOptions, 'disorderMs' | 'slackMs'>): number {
  return options.disorderMs + options.slackMs
}

/** The records among arrivals, in order. */
export function recordsOf<K extends OracleKey, V>(arrivals: readonly Arrival<K, V>[]): KeyedRecord<K, V>[] {
  return arrivals.flatMap((arrival) => (arrival.kind === 'record' ? [arrival.record] : []))
}

function randomOptions(random: RandomSource): RandomStreamOptions {
  return {
    records: random.between(1, 200),
    keys: someOf(random, hostileKeys),
    hotShare: random.pick([0, 0, 0.5, 0.95]),
    startMs: random.pick([0, -5_000, 1_700_000_000_000, 1_700_000_040_000]),
    stepMs: random.pick([0, 1, 10, 100]),
    disorderMs: random.pick([0, 1, 20, 200]),
    slackMs: random.pick([0, 1]),
    tieChance: random.pick([0, 0.1, 0.6]),
    edgeMs: random.pick([1, 10, 50, 100]),
    edgeChance: random.pick([0, 0.1, 0.5]),
    pauseChance: random.pick([0, 0.02, 0.1]),
    lateChance: random.pick([0, 0, 0.05, 0.3]),
    lateByMs: random.pick([1, 50, 1_000]),
    watermarkEvery: random.pick([1, 1, 5, 50]),
  }
}

function someOf<T>(random: RandomSource, choices: readonly T[]): T[] {
  const left = [...choices]
  const count = random.between(1, 12)
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0]!)
}

/** Watermarks follow bounded disorder: greatest time - bound - 1. The last one is Infinity. */
function arrivalsOf<K extends OracleKey>(
  random: RandomSource,
  options: RandomStreamOptions<K>,
): Arrival<K, RandomValue>[] {
  const arrivals: Arrival<K, RandomValue>[] = []
  const nextTime = clockOf(random, options)
  let greatest = -Infinity
  let untilWatermark = random.between(1, options.watermarkEvery)
  for (let id = 0; id < options.records; id++) {
    const place = random.chance(options.hotShare) ? 0 : random.below(options.keys.length)
    // A zero comes with either sign: both are the same key.
    const key = options.keys[place] === 0 && random.chance(0.5) ? (-0 as K) : options.keys[place]!
    const time = nextTime(place)
    greatest = Math.max(greatest, time)
    arrivals.push({ kind: 'record', record: { key, time, value: { id, amount: random.between(-9, 99) } } })
    if (--untilWatermark > 0) continue
    arrivals.push({ kind: 'watermark', time: greatest - boundOf(options) - 1 })
    untilWatermark = random.between(1, options.watermarkEvery)
  }
  arrivals.push({ kind: 'watermark', time: Infinity })
  return arrivals
}

/** Draws one record's event time after another. `clock` only rises and no time is above it. */
function clockOf(random: RandomSource, options: RandomStreamOptions): (keyPlace: number) => number {
  const { stepMs, disorderMs, edgeMs } = options
  const lastOfKey = new Map<number, number>()
  let clock = options.startMs
  let last = clock

  const draw = (keyPlace: number): number => {
    if (random.chance(options.tieChance)) return last
    clock += random.below(stepMs + 1)
    if (random.chance(options.pauseChance)) clock += edgeMs * random.between(3, 6)
    if (random.chance(options.lateChance)) return clock - boundOf(options) - random.between(1, options.lateByMs)
    if (random.chance(options.edgeChance)) return onEdge(keyPlace)
    return clock - random.below(disorderMs + 1)
  }
  const onEdge = (keyPlace: number): number => {
    const beside = random.between(-1, 1)
    const afterKey = (lastOfKey.get(keyPlace) ?? -Infinity) + edgeMs + beside
    if (random.chance(0.5) && afterKey >= clock - disorderMs) return afterKey
    return (Math.floor(clock / edgeMs) + 1) * edgeMs + beside
  }
  return (keyPlace) => {
    last = draw(keyPlace)
    clock = Math.max(clock, last)
    lastOfKey.set(keyPlace, last)
    return last
  }
}
