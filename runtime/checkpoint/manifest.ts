import type { JsonValue } from '../contract/json.js'
import type { OperatorStateMode, StateSchema } from '../contract/state.js'

/** The format this version writes, in every manifest and epoch record. */
export type ManifestFormat = 1

/** Who holds a job: enough to tell, on the same host, whether that process still lives. */
export interface ProcessIdentity {
  readonly host: string
  /** Of the running kernel; null where the system has none. */
  readonly bootId: string | null
  readonly pid: number
  /** Clock ticks from boot to the process's start: a pid that was given out again has another. Null where the system has none. */
  readonly startTicks: number | null
}

/**
 * An immutable file of keyed state. Lists of these are ordered oldest first: later ones win. Segments of one `run` hold disjoint,
 * ascending ranges of rows.
 */
export interface SegmentRef {
  readonly path: string
  readonly epoch: number
  readonly checkpointId: number
  readonly uid: string
  readonly subtask: number
  /** Names what was written together: one snapshot of a subtask, or one merge. */
  readonly run: string
  /** Of the rows in it, inclusive. */
  readonly firstKeyGroup: number
  readonly lastKeyGroup: number
  readonly rows: number
  readonly bytes: number
  /** CRC-32 of the index, which holds those of the blocks. */
  readonly crc: number
}

/** The job graph as it was: its hash, and the states of each operator. */
export interface PlanRecord {
  readonly hash: string
  readonly operators: readonly {
    readonly uid: string
    readonly kind: string
    readonly states: readonly StateSchema[]
  }[]
}

/** An unfinished split: where to go on reading. */
export interface SplitRecord {
  readonly splitId: string
  readonly split: JsonValue
  /** Of the split alone; -Infinity before its first record. */
  readonly watermark: number
}

/** A source's enumerator, what its input looked like, and its unfinished splits. */
export interface SourceRecord {
  readonly enumerator: JsonValue
  readonly fingerprint: JsonValue
  readonly splits: readonly SplitRecord[]
  readonly finishedSubtasks: readonly number[]
}

/** The elements that one subtask had of an operator state, one after the other in the value codec; in broadcast state pairs. */
export interface OperatorStatePart {
  readonly subtask: number
  readonly elements: number
  readonly bytes: number
  readonly crc: number
  /** Small ones stand here, in base64; others have a file. */
  readonly content?: string
  readonly path?: string
}

/** One operator state by name. */
export interface OperatorStateRecord {
  readonly mode: OperatorStateMode
  readonly fingerprint: string
  readonly codec: string
  readonly version: number
  /** Ascending by subtask, without empty ones; of broadcast state one at most. */
  readonly parts: readonly OperatorStatePart[]
}

/** What an operator restores from. */
export interface OperatorRecord {
  /** By subtask. */
  readonly watermarks: readonly number[]
  readonly finishedSubtasks: readonly number[]
  /** By name. Checkpoints written before there was such state have none. */
  readonly operatorState?: Readonly<Record<string, OperatorStateRecord>>
  /** Oldest first. */
  readonly segments: readonly SegmentRef[]
  /**
   * Of keyed ones, by subtask: times before which no key had an event timer, a processing timer; null when there was none at all. Segments
   * alone would say less: they hold older versions of rows, too.
   */
  readonly firstTimers?: readonly (readonly [number | null, number | null])[]
}

/** What a sink's writers restore from, and what its committer has to publish. */
export interface SinkRecord {
  /** Where it writes (`Sink.describe`): a restore with another output is refused. */
  readonly output: string
  readonly writerStates: readonly JsonValue[]
  readonly committables: readonly JsonValue[]
}

/** What the coordinator knows of a checkpoint before it has a place in the log. Maps are by uid. */
export interface CheckpointDraft {
  /** Random, unique to this attempt to write. */
  readonly nonce: string
  readonly jobName: string
  readonly runId: string
  /** See {@link runStartOf}. */
  readonly runStartedAtMs?: number
  readonly checkpointId: number
  readonly createdAtMs: number
  readonly parallelism: number
  readonly maxParallelism: number
  /** The job FINISHED with it. */
  readonly final: boolean
  /** The job was stopped with it, to go on later. */
  readonly suspended: boolean
  /** A copy that stands for itself, with all its segments beside it. */
  readonly savepoint?: true
  readonly plan: PlanRecord
  readonly params: Readonly<Record<string, string>>
  readonly sources: Readonly<Record<string, SourceRecord>>
  readonly operators: Readonly<Record<string, OperatorRecord>>
  readonly sinks: Readonly<Record<string, SinkRecord>>
  readonly counters: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** A completed checkpoint: references only. Once it is in the log, it is committed. */
export interface CheckpointManifest extends CheckpointDraft {
  readonly format: ManifestFormat
  readonly kind: 'checkpoint'
  readonly position: number
  readonly epoch: number
  readonly jobId: string
}

/** Says that a process took the job over: whoever wrote before it can't any more. Never deleted. */
export interface EpochRecord {
  readonly format: ManifestFormat
  readonly kind: 'epoch'
  readonly position: number
  readonly epoch: number
  readonly nonce: string
  readonly jobId: string
  readonly runId: string
  readonly holder: ProcessIdentity
  readonly createdAtMs: number
  /** See {@link runStartOf}. */
  readonly runStartedAtMs?: number
  /** Position of the checkpoint it goes on from; null for a fresh start. */
  readonly continues: number | null
  /** The job has ended and what was before is deleted: it begins no run. */
  readonly forgets?: true
}

/** What a position of the log holds. */
export type LogEntry = CheckpointManifest | EpochRecord

/**
 * When the run that an entry belongs to was first started, epoch milliseconds: carried on from its first epoch record. Entries written
 * before there was such a field are as old as it is known.
 */
export function runStartOf(entry: LogEntry): number {
  return entry.runStartedAtMs ?? entry.createdAtMs
}
