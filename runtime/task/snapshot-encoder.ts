/**
 * Invariant: an acknowledgement leaves the slot only when everything it names is durable. Barriers freeze state at once; encoding follows
 * here in slices between batches, then files are written for each operator's state, then the subtask's share is acknowledged.
 *
 *   frozen state --slice--slice--> rows --> segment file (storage) --> ack
 *
 * A task acknowledges its checkpoints in order: with a later one everything of an earlier one has arrived, given up or not.
 */
import type { KeyedBackend } from '../state/keyed-backend.js'
import type { SegmentRef } from '../checkpoint/manifest.js'
import type { OperatorSnapshot } from '../worker/protocol.js'
import { steadyTime, type Clock } from '../contract/time.js'
import { EncodingPace } from './encoding-pace.js'
import type { Link, LinkSnapshot } from './link.js'
import type { SubtaskSnapshot } from './subtask.js'

/** Rows encoded at once, and how often between two batches at most, while that takes no time that the clock shows. */
const SLICE_ROWS = 256
const SLICES = 8

/** Rows of one frozen backend on their way to storage. */
export interface SegmentRun {
  /** Takes the next rows; true when all are taken. A promise: wait before the next slice. */
  slice(maxRows: number): boolean | Promise<boolean>
  /** Stores what is left. The segments written; none when there were no rows. */
  finish(): Promise<readonly SegmentRef[]>
}

/** Opens the run of segments that a backend's changes go into. */
export interface SegmentWriter {
  begin(uid: string, checkpointId: number, backend: KeyedBackend): SegmentRun
}

/** What the encoder tells the slot. */
export interface EncoderEvents {
  done(snapshot: SubtaskSnapshot, operators: readonly OperatorSnapshot[]): void
  /** The operator's state could not be stored; the rest of the snapshot follows as `done`. */
  declined(snapshot: SubtaskSnapshot, uid: string, error: unknown): void
  failed(error: unknown): void
  wake(): void
}

/** What becomes of an operator's frozen state. */
type Encoded = Partial<Pick<OperatorSnapshot, 'segments' | 'operatorState'>>

/** The keyed state of an operator, or its operator state. */
interface Encoding {
  slice(maxRows: number): boolean | Promise<boolean>
  finish(): Promise<Encoded>
}

interface Running {
  readonly snapshot: SubtaskSnapshot
  /** By operator uid, still to be encoded first. */
  readonly left: [string, () => Encoding][]
  readonly encoded: Map<string, Encoded>
  run: Encoding | undefined
  /** Waiting for storage or for spilled state. */
  waiting: boolean
  /** States whose rows are not all taken. */
  untaken: number
  /** Hears when all are, or need not be. */
  taken: (() => void) | undefined
}

/** The snapshots of a slot that are being encoded. Slot thread. */
export class SnapshotEncoder {
  private readonly segments: SegmentWriter
  private readonly clock: Clock
  private readonly events: EncoderEvents
  private readonly pace: EncodingPace
  private running: Running[] = []
  private lastAborted = -1

  constructor(segments: SegmentWriter, clock: Clock, events: EncoderEvents) {
    this.segments = segments
    this.clock = clock
    this.events = events
    this.pace = new EncodingPace(steadyTime(clock))
  }

  add(snapshot: SubtaskSnapshot, links: readonly Link[]): void {
    const backends: [string, KeyedBackend][] = []
    for (const link of links) if (link.backend !== undefined) backends.push([link.uid, link.backend])
    if (snapshot.checkpointId <= this.lastAborted) {
      for (const [, backend] of backends) backend.abortCheckpoint(snapshot.checkpointId)
      return this.withoutState(snapshot)
    }
    this.pace.begin(snapshot.checkpointId, steadyTime(this.clock))
    const left = [
      ...backends.map(([uid, backend]) => this.keyedState(uid, snapshot.checkpointId, backend)),
      ...snapshot.operators.flatMap(operatorState),
    ]
    const running: Running = {
      snapshot,
      left,
      encoded: new Map(),
      run: undefined,
      waiting: false,
      untaken: left.length,
      taken: undefined,
    }
    this.running.push(running)
    this.acknowledge(snapshot.task)
  }

  /** Resolves when all rows of the task's earlier checkpoints are taken, so that its state may be frozen again. */
  untaken(task: number): Promise<void> | undefined {
    const last = this.running.findLast((running) => running.snapshot.task === task)
    if (last === undefined || last.untaken === 0) return undefined
    return new Promise((resolve) => (last.taken = resolve))
  }

  hasWork(): boolean {
    return this.running.some((r) => !r.waiting && r.left.length > 0)
  }

  /**
   * Encodes for a moment, a millisecond or so; false when there is nothing to encode, or when records come first: they do while the slot is
   * `busy` and encoding has had its share of time. Not if a newer barrier waits for it.
   */
  slice(busy: boolean): boolean {
    const running = this.running.find((r) => !r.waiting && r.left.length > 0)
    if (running === undefined) return false
    const beganMs = steadyTime(this.clock)
    const awaited = this.running.some(({ taken }) => taken !== undefined)
    if (busy && !awaited && !this.pace.allows(beganMs)) return false
    let nowMs = beganMs
    for (let slices = 0; slices < SLICES && nowMs === beganMs && this.encode(running); slices++)
      nowMs = steadyTime(this.clock)
    this.pace.spent(steadyTime(this.clock) - beganMs)
    return true
  }

  /**
   * Gives the keyed state of this and older checkpoints up (it stays dirty) but still hands over the rest: committables of sinks must
   * reach the next manifest.
   */
  abort(checkpointId: number): void {
    this.lastAborted = Math.max(this.lastAborted, checkpointId)
    for (const running of this.running.filter((r) => r.snapshot.checkpointId <= checkpointId)) this.giveUp(running)
  }

  private giveUp(running: Running): void {
    this.running = this.running.filter((r) => r !== running)
    this.withoutState(running.snapshot)
    running.taken?.()
    this.acknowledge(running.snapshot.task)
  }

  /** Whether there is more to encode at once. */
  private encode(running: Running): boolean {
    const [uid, begin] = running.left[0]!
    running.run ??= begin()
    const done = running.run.slice(SLICE_ROWS)
    if (done === false) return true
    if (done === true) this.finishRun(running, uid)
    else {
      this.await(running, done, (all) => {
        if (all) this.finishRun(running, uid)
      })
    }
    return false
  }

  private keyedState(uid: string, checkpointId: number, backend: KeyedBackend): [string, () => Encoding] {
    const begin = (): Encoding => {
      const run = this.segments.begin(uid, checkpointId, backend)
      return {
        slice: (maxRows) => run.slice(maxRows),
        finish: async () => ({ segments: await run.finish() }),
      }
    }
    return [uid, begin]
  }

  private withoutState(snapshot: SubtaskSnapshot): void {
    this.events.done(
      snapshot,
      snapshot.operators.map((operator) => acknowledgement(operator, {})),
    )
  }

  private finishRun(running: Running, uid: string): void {
    if (--running.untaken === 0) running.taken?.()
    this.await(running, running.run!.finish(), (encoded) => {
      running.encoded.set(uid, { ...running.encoded.get(uid), ...encoded })
      running.left.shift()
      running.run = undefined
      this.acknowledge(running.snapshot.task)
    })
  }

  private acknowledge(task: number): void {
    for (;;) {
      const first = this.running.find(({ snapshot }) => snapshot.task === task)
      if (first === undefined || first.left.length > 0) return
      this.running = this.running.filter((r) => r !== first)
      this.events.done(
        first.snapshot,
        first.snapshot.operators.map((operator) => acknowledgement(operator, first.encoded.get(operator.uid) ?? {})),
      )
    }
  }

  private await<T>(running: Running, promise: Promise<T>, then: (value: T) => void): void {
    running.waiting = true
    promise.then(
      (value) => {
        running.waiting = false
        if (this.running.includes(running)) then(value)
        this.events.wake()
      },
      (error: unknown) => {
        if (!this.running.includes(running)) return
        if ((error as { code?: unknown }).code !== 'MILLRACE_STORAGE') return this.events.failed(error)
        this.events.declined(running.snapshot, running.left[0]![0], error)
        this.giveUp(running)
        this.events.wake()
      },
    )
  }
}

function operatorState({ uid, operatorState: run }: LinkSnapshot): [string, () => Encoding][] {
  if (run === undefined) return []
  const encoding: Encoding = {
    slice: (maxElements) => run.slice(maxElements),
    finish: async () => ({ operatorState: await run.finish() }),
  }
  return [[uid, () => encoding]]
}

function acknowledgement({ operatorState: _, ...operator }: LinkSnapshot, encoded: Encoded): OperatorSnapshot {
  return { ...operator, segments: [], ...encoded }
}
