import { MillraceError, type ErrorCode } from '../../contract/errors.js'
import type { SimRandom } from './random.js'

/** What can be done to a job, at one moment. */
export type StrikeKind =
  | 'kill process'
  | 'pause process, another takes over'
  | 'slot crash'
  | 'slot pause'
  | 'clock jump'
  | 'function fails'
  | 'disk full for a while'
  | 'storage away for a while'
  | 'bit flipped in a file'
  | 'file torn'
  | 'user: suspend'
  | 'user: savepoint'
  | 'user: stop'
  | 'user: stop with drain'
  | 'user: cancel'
  | 'user: rescale'

/** What is asked of storage. */
export type StorageRequest = 'read' | 'write' | 'delete'

/** What becomes of a request to storage. `fails`: nothing happened. `done`: it did, but a failure is told. `late`: it will. */
export type StorageFate = 'pass' | 'fails' | 'done' | 'late'

/** One strike: after so long, or at the n-th event of that name, right before or after it. */
export interface Strike {
  readonly kind: StrikeKind
  readonly when:
    { readonly afterMs: number } | { readonly event: string; readonly countdown: number; readonly before: boolean }
}

const STRIKES: readonly StrikeKind[] = [
  'kill process',
  'pause process, another takes over',
  'slot crash',
  'slot pause',
  'clock jump',
  'function fails',
  'disk full for a while',
  'storage away for a while',
  'bit flipped in a file',
  'file torn',
  'user: suspend',
  'user: savepoint',
  'user: stop',
  'user: stop with drain',
  'user: cancel',
  'user: rescale',
]

/** Moments worth striking at. */
const MOMENTS = [
  'msg triggerCheckpoint',
  'msg checkpointAck',
  'msg checkpointComplete',
  'msg checkpointAborted',
  'msg start',
  'msg ready',
  'msg subtaskFinished',
  'msg assignSplits',
  'msg close',
  'msg closed',
  'msg drain',
  'disk createExclusive manifests/',
  'disk write savepoints/',
  'reply createExclusive manifests/',
  'disk write segments/',
  'disk delete',
  'disk overwrite',
  'start slot',
  'merge',
  'commit',
  'committed',
  'flush',
  'recover',
  'spill',
]

/** How much of everything a seed does. */
export interface FaultProfile {
  readonly storageErrors: number
  readonly slowStorageMs: number
  readonly messageMs: number
  readonly stallChance: number
  readonly stallMs: number
  readonly commitErrors: number
  readonly flushErrors: number
  readonly mergeErrors: number
  readonly spillErrors: number
  readonly strikes: readonly Strike[]
}

/** The names of faults and how often each happened. */
export type FaultCounts = Readonly<Record<string, number>>

/** No fault at all, but the seed still decides the order of things. */
export const CALM: FaultProfile = {
  storageErrors: 0,
  slowStorageMs: 2,
  messageMs: 2,
  stallChance: 0,
  stallMs: 0,
  commitErrors: 0,
  flushErrors: 0,
  mergeErrors: 0,
  spillErrors: 0,
  strikes: [],
}

/** Of each kind of fault a seed has some or none: runs with few kinds get far, runs with many get into corners. */
export function drawProfile(random: SimRandom, expectedMs: number): FaultProfile {
  const some = (rates: readonly number[]): number => (random.chance(0.5) ? 0 : random.pick(rates))
  const kinds = STRIKES.filter(() => random.chance(0.3))
  const strikes: Strike[] = []
  if (kinds.length > 0) {
    for (let n = random.between(0, 6); n > 0; n--) strikes.push(drawStrike(random, random.pick(kinds), expectedMs))
  }
  return {
    storageErrors: some([0.005, 0.02, 0.06]),
    slowStorageMs: random.pick([1, 3, 20, 80]),
    messageMs: random.pick([0.5, 2, 10, 40]),
    stallChance: some([0.001, 0.01]),
    stallMs: random.pick([100, 1000, 5000]),
    commitErrors: some([0.05, 0.2]),
    flushErrors: some([0.01, 0.05]),
    mergeErrors: some([0.3]),
    spillErrors: some([0.002]),
    strikes,
  }
}

function drawStrike(random: SimRandom, kind: StrikeKind, expectedMs: number): Strike {
  if (random.chance(0.4)) return { kind, when: { afterMs: random.next() * expectedMs * 1.5 } }
  const event = random.pick(MOMENTS)
  return { kind, when: { event, countdown: random.between(1, 12), before: random.chance(0.5) } }
}

/** Deals the faults of a profile out while it is on, and counts them. */
export class Faults {
  on = true
  readonly profile: FaultProfile
  private readonly random: SimRandom
  private readonly counts = new Map<string, number>()
  private fullUntilMs = -Infinity
  private awayUntilMs = -Infinity

  constructor(profile: FaultProfile, random: SimRandom) {
    this.profile = profile
    this.random = random
  }

  counted(): FaultCounts {
    return Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }

  /** Until then every write finds the disk full, and deletions don't. */
  fillDisk(untilMs: number): void {
    this.fullUntilMs = untilMs
  }

  /** Until then storage answers nothing but failures. */
  takeStorageAway(untilMs: number): void {
    this.awayUntilMs = untilMs
  }

  storageFate(request: StorageRequest, nowMs: number): StorageFate {
    if (this.on && nowMs < this.awayUntilMs) {
      this.count('storage is away')
      return 'fails'
    }
    if (this.on && request === 'write' && nowMs < this.fullUntilMs) {
      this.count('disk is full')
      return 'fails'
    }
    if (!this.happens(this.profile.storageErrors)) return 'pass'
    const write = request !== 'read'
    const fate = write ? this.random.pick(['fails', 'done', 'late'] as const) : 'fails'
    this.count(write ? `storage write: ${fate}` : 'storage read fails')
    return fate
  }

  storageMs(): number {
    return this.stalled('storage stall') + this.random.next() * this.profile.slowStorageMs
  }

  messageMs(): number {
    return this.stalled('message delayed') + this.random.next() * this.profile.messageMs
  }

  ioMs(): number {
    return this.stalled('I/O stall') + this.random.next() * 3
  }

  /** How long the rest of the world runs between two rounds of a slot. */
  breathMs(): number {
    return this.random.next() * 2
  }

  wakeMs(): number {
    return this.random.next()
  }

  lateMs(): number {
    return this.random.next() * 20_000
  }

  /** Whether a write that was under way when its thread died is lost. */
  lostInFlight(): boolean {
    if (!this.random.chance(0.5)) return false
    this.count('write in flight lost')
    return true
  }

  /** Throws, now and then. */
  commitMayFail(): void {
    if (this.happens(this.profile.commitErrors)) throw this.injected('commit fails')
  }

  flushMayFail(): void {
    if (this.happens(this.profile.flushErrors)) throw this.injected('flush fails')
  }

  mergeMayFail(): void {
    if (this.happens(this.profile.mergeErrors)) throw this.injected('merge fails')
  }

  spillMayFail(): void {
    if (this.happens(this.profile.spillErrors)) throw this.injected('spill fails')
  }

  private number = 0

  /** Each has a text of its own: the same failure thrice ends a job. */
  injected(name: string, code: ErrorCode = 'MILLRACE_USER'): MillraceError {
    this.count(name)
    return new MillraceError(code, `injected: ${name}, number ${++this.number}`)
  }

  private stalled(name: string): number {
    if (!this.happens(this.profile.stallChance)) return 0
    this.count(name)
    return this.random.next() * this.profile.stallMs
  }

  private happens(rate: number): boolean {
    return this.on && rate > 0 && this.random.chance(rate)
  }
}
