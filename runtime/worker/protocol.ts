/**
 * Everything that passes between the coordinator (main thread) and a slot (its own thread), as tagged data. Records never do: they
 * travel in the exchange's shared memory.
 */
import type { SerializedError } from '../contract/errors.js'
import type { JsonValue } from '../contract/json.js'
import type { StateSchema } from '../contract/state.js'
import type { OperatorStatePart, OperatorStateRecord, SegmentRef } from '../checkpoint/manifest.js'
import type { SlotFigures } from '../metrics/figures.js'

/** One end of the line between the coordinator and a slot: a `MessagePort`, or the simulator's. In order; what it takes is copied. */
export interface ControlPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (message: unknown) => void): unknown
  close(): void
}

/** What a slot is started with. */
export interface SlotAssignment {
  readonly slot: number
  readonly attempt: number
  readonly epoch: number
  readonly jobId: string
  readonly runId: string
  readonly parallelism: number
  readonly maxParallelism: number
  readonly params: Readonly<Record<string, string>>
  readonly planHash: string
  /** URL of the bundle to import; absent where the host hands over the job itself (in-process clusters). */
  readonly bundleUrl?: string
  /** The parking words of all slots. */
  readonly parking: SharedArrayBuffer
  /** Watermarks of all source subtasks, for alignment: see `task/drift.ts`. */
  readonly drift: SharedArrayBuffer
  /** Rings by edge id: those this slot writes (index: receiving slot) and those it reads (index: sending slot); own slot undefined. */
  readonly rings: readonly EdgeRings[]
  readonly storageUrl: string
  readonly spillDirectory: string
  readonly memory: SlotMemory
  readonly restore?: SlotRestore
}

/** The rings of one edge that a slot takes part in. */
export interface EdgeRings {
  readonly edge: number
  readonly out: readonly (SharedArrayBuffer | undefined)[]
  readonly in: readonly (SharedArrayBuffer | undefined)[]
}

/** How the job's memory is shared out, per slot, in bytes. */
export interface SlotMemory {
  readonly ringBytes: number
  readonly cacheBytes: number
  readonly levelDbBytes: number
}

/** What each operator of a slot starts from. */
export interface SlotRestore {
  readonly operators: Readonly<Record<string, OperatorRestore>>
}

/** What one operator subtask starts from. */
export interface OperatorRestore {
  /** The watermark this subtask had reached; -Infinity if none. */
  readonly watermark: number
  readonly finished: boolean
  /** By name. */
  readonly operatorState: Readonly<Record<string, OperatorStateRestore>>
  /** Segments that overlap this subtask's key groups, oldest first; the newest version of a key wins. */
  readonly segments: readonly SegmentRef[]
  /** Times before which no key of these segments has an event timer, a processing timer; Infinity when none has any. */
  readonly firstTimers: readonly [number, number]
  readonly schema: readonly StateSchema[]
  readonly writerStates: readonly JsonValue[]
}

/** What one operator state of a subtask starts from: elements `from` to `to` (exclusive) of each part. */
export interface OperatorStateRestore {
  readonly codec: string
  readonly version: number
  readonly shares: readonly { readonly part: OperatorStatePart; readonly from: number; readonly to: number }[]
}

/** What a subtask has of an operator state at a checkpoint. */
export type OperatorStateShare = Omit<OperatorStateRecord, 'parts'> & { readonly part?: OperatorStatePart }

/** A split on its way to a reader, or as a reader left it. */
export interface AssignedSplit {
  readonly id: string
  readonly split: JsonValue
  /** The watermark the split had reached; -Infinity for a new one. */
  readonly watermark: number
  /** It goes on from another split, which may have been another reader's: its reader says when it has caught up. */
  readonly follows?: boolean
}

/** Coordinator to slot, in order. */
export type ToSlot =
  | { readonly type: 'assignSplits'; readonly uid: string; readonly splits: readonly AssignedSplit[] }
  /** Splits that were read to their end and whose successors are assigned. `hold`: event time waits for `releaseSplits`. */
  | {
      readonly type: 'retireSplits'
      readonly uid: string
      readonly splitIds: readonly string[]
      readonly hold: boolean
    }
  | { readonly type: 'releaseSplits'; readonly uid: string; readonly splitIds: readonly string[] }
  | { readonly type: 'noMoreSplits'; readonly uid: string }
  | { readonly type: 'start' }
  | { readonly type: 'triggerCheckpoint'; readonly checkpointId: number; readonly timestampMs: number }
  | { readonly type: 'checkpointComplete'; readonly checkpointId: number }
  | { readonly type: 'checkpointAborted'; readonly checkpointId: number }
  /** Sources end as if there were nothing more to read. */
  | { readonly type: 'drain' }
  /** Close all operators and end. */
  | { readonly type: 'close' }

/** What an operator subtask contributes to a manifest. */
export interface OperatorSnapshot {
  readonly uid: string
  readonly watermark: number
  readonly finished: boolean
  /** By name; what is large is written to storage already. */
  readonly operatorState?: Readonly<Record<string, OperatorStateShare>>
  /** Written to storage already. */
  readonly segments: readonly SegmentRef[]
  /** Of a keyed one, as in {@link OperatorRestore}. */
  readonly firstTimers?: readonly [number, number]
  readonly schema: readonly StateSchema[]
  readonly splits?: readonly AssignedSplit[]
  readonly committables?: readonly JsonValue[]
  readonly writerStates?: readonly JsonValue[]
  readonly counters: Readonly<Record<string, number>>
}

/** What a slot has counted, a few times a second. */
export interface SlotMetrics {
  readonly operators: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Lowest watermark of the slot's source subtasks. */
  readonly watermark: number
  /** All metrics. */
  readonly figures: SlotFigures
}

/** Slot to coordinator. */
export type FromSlot =
  | { readonly type: 'ready'; readonly slot: number }
  /** All state is in the slot: it reads no more segments. */
  | { readonly type: 'restored'; readonly slot: number }
  | {
      readonly type: 'checkpointAck'
      readonly slot: number
      readonly task: number
      readonly checkpointId: number
      readonly operators: readonly OperatorSnapshot[]
    }
  /** Its state could not be stored. What else there is of it follows as an acknowledgement. */
  | {
      readonly type: 'checkpointDeclined'
      readonly slot: number
      readonly checkpointId: number
      readonly uid: string
      readonly error: SerializedError
    }
  | { readonly type: 'subtaskFinished'; readonly slot: number; readonly task: number }
  /** Of a source with successors: the next tasks have taken all of the split. */
  | { readonly type: 'splitFinished'; readonly slot: number; readonly uid: string; readonly split: AssignedSplit }
  | { readonly type: 'splitCaughtUp'; readonly slot: number; readonly uid: string; readonly splitId: string }
  | { readonly type: 'failed'; readonly slot: number; readonly uid?: string; readonly error: SerializedError }
  | { readonly type: 'print'; readonly lines: readonly string[] }
  | { readonly type: 'warn'; readonly slot: number; readonly uid: string; readonly message: string }
  | { readonly type: 'metrics'; readonly slot: number; readonly metrics: SlotMetrics }
  | { readonly type: 'closed'; readonly slot: number }
