/**
 * Invariant: an acknowledgement leaves the slot only when everything it names is durable. Barriers freeze state at once; encoding follows
 * here in slices between batches, then one file is written per keyed operator, then the subtask's share is acknowledged.
 *
 *   frozen backend --slice--slice--> rows --> segment file (storage) --> ack
 *   what was in flight ----------------> its files (storage) -------------^
 */
import type { KeyedBackend } from '../state/keyed-backend.js'
import type { ChannelsRef, SegmentRef } from '../checkpoint/manifest.js'
import type { OperatorSnapshot } from '../worker/protocol.js'
import type { Link } from './link.js'
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

interface Running {
  readonly snapshot: SubtaskSnapshot
  /** By operator uid, still to be encoded first. */
  readonly backends: [string, KeyedBackend][]
  readonly segments: Map<string, readonly SegmentRef[]>
  run: SegmentRun | undefined
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
    const running: Running = { snapshot, backends, segments: new Map(), run: undefined, waiting: false }
    this.running.push(running)
    if (backends.length === 0) this.acknowledge(running)
  }

  hasWork(): boolean {
    return this.running.some((r) => !r.waiting)
  }

  /** One slice of encoding; false when there is nothing to encode. */
  slice(): boolean {
    const running = this.running.find((r) => !r.waiting)
    if (running === undefined) return false
    const [uid, backend] = running.backends[0]!
    running.run ??= this.segments.begin(uid, running.snapshot.checkpointId, backend)
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

  private withoutState(snapshot: SubtaskSnapshot): void {
    this.events.done(
      snapshot,
      snapshot.operators.map((operator) => ({ ...operator, segments: [] })),
    )
  }

  private finishRun(running: Running, uid: string): void {
    this.await(running, running.run!.finish(), (refs) => {
      running.segments.set(uid, refs)
      running.backends.shift()
      running.run = undefined
      if (running.backends.length === 0) this.acknowledge(running)
    })
  }

  private acknowledge(running: Running): void {
    const { channels } = running.snapshot
    if (channels === undefined) this.done(running, [])
    else this.await(running, channels, (files) => this.done(running, files))
  }

  /** What was in flight was on its way to the first operator. */
  private done(running: Running, channels: readonly ChannelsRef[]): void {
    this.running = this.running.filter((r) => r !== running)
    this.events.done(
      running.snapshot,
      running.snapshot.operators.map((operator, place) => ({
        ...operator,
        segments: running.segments.get(operator.uid) ?? [],
        ...(place === 0 && channels.length > 0 ? { channels } : {}),
      })),
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
