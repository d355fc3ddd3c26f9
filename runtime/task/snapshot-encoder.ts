/**
 * Invariant: an acknowledgement leaves the slot only when everything it names is durable. Barriers freeze state at once; encoding follows
 * here in slices between batches, then files are written for each operator's state, then the subtask's share is acknowledged.
 *
 *   frozen state --slice--slice--> rows --> segment file (storage) --> ack
 */
import type { KeyedBackend } from '../state/keyed-backend.js'
import type { SegmentRef } from '../checkpoint/manifest.js'
import type { OperatorSnapshot } from '../worker/protocol.js'
import type { Link, LinkSnapshot } from './link.js'
import type { SubtaskSnapshot } from './subtask.js'

/** Rows encoded between two batches. */
const SLICE_ROWS = 2048

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
}

/** The snapshots of a slot that are being encoded. Slot thread. */
export class SnapshotEncoder {
  private readonly segments: SegmentWriter
  private readonly events: EncoderEvents
  private running: Running[] = []
  private lastAborted = -1

  constructor(segments: SegmentWriter, events: EncoderEvents) {
    this.segments = segments
    this.events = events
  }

  add(snapshot: SubtaskSnapshot, links: readonly Link[]): void {
    const backends: [string, KeyedBackend][] = []
    for (const link of links) if (link.backend !== undefined) backends.push([link.uid, link.backend])
    if (snapshot.checkpointId <= this.lastAborted) {
      for (const [, backend] of backends) backend.abortCheckpoint(snapshot.checkpointId)
      return this.withoutState(snapshot)
    }
    const left = [
      ...backends.map(([uid, backend]) => this.keyedState(uid, snapshot.checkpointId, backend)),
      ...snapshot.operators.flatMap(operatorState),
    ]
    const running: Running = { snapshot, left, encoded: new Map(), run: undefined, waiting: false }
    this.running.push(running)
    if (left.length === 0) this.acknowledge(running)
  }

  hasWork(): boolean {
    return this.running.some((r) => !r.waiting)
  }

  /** One slice of encoding; false when there is nothing to encode. */
  slice(): boolean {
    const running = this.running.find((r) => !r.waiting)
    if (running === undefined) return false
    const [uid, begin] = running.left[0]!
    running.run ??= begin()
    const done = running.run.slice(SLICE_ROWS)
    if (typeof done === 'boolean') {
      if (done) this.finishRun(running, uid)
    } else {
      this.await(running, done, (all) => {
        if (all) this.finishRun(running, uid)
      })
    }
    return true
  }

  /**
   * Gives the keyed state of this and older checkpoints up (it stays dirty) but still hands over the rest: committables of sinks must
   * reach the next manifest.
   */
  abort(checkpointId: number): void {
    this.lastAborted = Math.max(this.lastAborted, checkpointId)
    const aborted = this.running.filter((r) => r.snapshot.checkpointId <= checkpointId)
    this.running = this.running.filter((r) => !aborted.includes(r))
    for (const { snapshot } of aborted) this.withoutState(snapshot)
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
    this.await(running, running.run!.finish(), (encoded) => {
      running.encoded.set(uid, { ...running.encoded.get(uid), ...encoded })
      running.left.shift()
      running.run = undefined
      if (running.left.length === 0) this.acknowledge(running)
    })
  }

  private acknowledge(running: Running): void {
    this.running = this.running.filter((r) => r !== running)
    this.events.done(
      running.snapshot,
      running.snapshot.operators.map((operator) => acknowledgement(operator, running.encoded.get(operator.uid) ?? {})),
    )
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
        if (this.running.includes(running)) this.events.failed(error)
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
