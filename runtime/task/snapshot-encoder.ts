/**
 * Invariant: an acknowledgement leaves the slot only when everything it names is durable. Barriers freeze state at once; encoding follows
 * here in slices between batches, then one file is written per keyed operator, then the subtask's share is acknowledged.
 *
 *   frozen backend --slice--slice--> rows --> segment file (storage) --> ack
 */
import type { KeyedBackend } from '../state/keyed-backend.js'
import type { SegmentRef } from '../checkpoint/manifest.js'
import type { OperatorSnapshot } from '../worker/protocol.js'
import type { Link } from './link.js'
import type { SubtaskSnapshot } from './subtask.js'

/** Entries encoded between two batches. */
const SLICE_ENTRIES = 512

export interface SegmentWriter {
  /** Writes the frozen, encoded rows of a backend as immutable files; none when there are no rows. */
  write(uid: string, checkpointId: number, backend: KeyedBackend): Promise<readonly SegmentRef[]>
}

export interface EncoderEvents {
  done(snapshot: SubtaskSnapshot, operators: readonly OperatorSnapshot[]): void
  failed(error: unknown): void
  wake(): void
}

interface Running {
  readonly snapshot: SubtaskSnapshot
  readonly backends: ReadonlyMap<string, KeyedBackend>
  encoding: KeyedBackend[]
  writing: boolean
  aborted: boolean
}

export class SnapshotEncoder {
  private readonly segments: SegmentWriter
  private readonly events: EncoderEvents
  private running: Running[] = []

  constructor(segments: SegmentWriter, events: EncoderEvents) {
    this.segments = segments
    this.events = events
  }

  add(snapshot: SubtaskSnapshot, links: readonly Link[]): void {
    const backends = new Map<string, KeyedBackend>()
    for (const link of links) if (link.backend !== undefined) backends.set(link.uid, link.backend)
    const running = { snapshot, backends, encoding: [...backends.values()], writing: false, aborted: false }
    this.running.push(running)
    if (running.encoding.length === 0) this.write(running)
  }

  hasWork(): boolean {
    return this.running.some((r) => !r.writing)
  }

  /** One slice of encoding; false when there is nothing to encode. */
  slice(): boolean {
    const running = this.running.find((r) => !r.writing)
    if (running === undefined) return false
    const backend = running.encoding[0]!
    if (backend.encodeSlice(SLICE_ENTRIES)) running.encoding.shift()
    if (running.encoding.length === 0) this.write(running)
    return true
  }

  /** Gives keyed state up (it stays dirty) but still hands over the rest: committables of sinks must reach the next manifest. */
  abort(checkpointId: number): void {
    for (const running of this.running) {
      if (running.snapshot.checkpointId !== checkpointId) continue
      running.aborted = true
      this.events.done(
        running.snapshot,
        running.snapshot.operators.map((operator) => ({ ...operator, segments: [] })),
      )
    }
    this.running = this.running.filter((r) => !r.aborted)
  }

  private write(running: Running): void {
    running.writing = true
    this.files(running).then(
      (operators) => {
        this.running = this.running.filter((r) => r !== running)
        if (!running.aborted) this.events.done(running.snapshot, operators)
        this.events.wake()
      },
      (error: unknown) => {
        if (!running.aborted) this.events.failed(error)
      },
    )
  }

  private async files({ snapshot, backends }: Running): Promise<OperatorSnapshot[]> {
    const operators: OperatorSnapshot[] = []
    for (const operator of snapshot.operators) {
      const backend = backends.get(operator.uid)
      const segments = backend === undefined ? [] : await this.segments.write(operator.uid, snapshot.checkpointId, backend)
      operators.push({ ...operator, segments })
    }
    return operators
  }
}
