import type { CheckContext } from './check.js'
import type { JsonValue } from './json.js'
import type { MetricGroup } from './metrics.js'
import type { Clock } from './time.js'

/**
 * A source (FLIP-27): an enumerator on the main thread finds splits and assigns them, readers in the slots read them.
 * `Raw` is what a reader hands over before decoding. Splits and enumerator states are JSON: they live in manifests.
 */
export interface Source<Raw, Split extends JsonValue = JsonValue, EnumState extends JsonValue = JsonValue> {
  /** A short name for messages: `file`, `datagen`. */
  readonly name: string
  readonly bounded: boolean
  /** What the source reads, as plain text, for messages and for refusing a restore onto another input: `file:/data/in`. */
  readonly describe: string
  /**
   * Splits have successors (a resharded stream): a split that is read to its end stays in checkpoints and holds event time back until
   * the enumerator, told by `splitFinished`, has assigned what follows it and retired it. Default false: an ended split is gone.
   */
  readonly successors?: boolean
  /** See {@link CheckContext}. */
  check?(ctx: CheckContext): Promise<void>
  createEnumerator(ctx: EnumeratorContext<Split>): SplitEnumerator<Split, EnumState>
  createReader(ctx: ReaderContext): SourceReader<Raw, Split>
}

/** Main thread. Assignments are delivered to a reader in order with checkpoint triggers: what is assigned before a trigger is in it. */
export interface EnumeratorContext<Split> {
  readonly uid: string
  readonly jobId: string
  readonly runId: string
  /** When the run was first started, by the first of its processes: the same after every restart. Epoch milliseconds. */
  readonly runStartedAtMs: number
  readonly parallelism: number
  readonly attempt: number
  /** Whether checkpoints are taken while the job runs; else only the last one. */
  readonly checkpointing: boolean
  readonly clock: Clock
  /** Reported with the source's; counters here are not part of checkpoints. */
  readonly metrics: MetricGroup
  assignSplits(subtask: number, splits: readonly NewSplit<Split>[]): void
  /** Finished splits leave the checkpoints and no longer hold event time back. In one FIFO with `assignSplits`. */
  retireSplits(subtask: number, splitIds: readonly string[]): void
  /** No split will come for any reader any more. */
  signalNoMoreSplits(): void
  warn(message: string): void
  /** Fails the job. */
  fail(error: unknown): void
}

/** A split and its name, unique in the source for ever. */
export interface IdentifiedSplit<Split> {
  readonly id: string
  readonly split: Split
}

/** A split to be read. */
export interface NewSplit<Split> extends IdentifiedSplit<Split> {
  /** Event time of the split it follows: a split that goes on from another does not go back in time. Default: none yet. */
  readonly watermark?: number
}

/** A split of the checkpoint, and where it was dealt to. */
export interface DealtSplit<Split> extends IdentifiedSplit<Split> {
  readonly subtask: number
}

/** Why an attempt is over. `restart`: another one follows in this process. */
export type Ending = 'finished' | 'canceled' | 'suspended' | 'failed' | 'restart'

/** Main thread. `start` is called once all readers run; with `restored` the splits in the checkpoint are assigned by the coordinator. */
export interface SplitEnumerator<Split, EnumState> {
  /**
   * Discovers. `restored` is the state of the checkpoint, and `assigned` the splits found in it (finished ones are not among them).
   * An input that is not what the checkpoint saw (gone, shrunk, other content) is MILLRACE_INPUT.
   */
  start(restored: EnumState | undefined, assigned: readonly DealtSplit<Split>[]): void | Promise<void>
  /**
   * Of a source with successors: a split was read to its end, and everything in it emitted. `watermark`: the split's event time at its
   * end. Told again after a restore, as long as it is not retired.
   */
  splitFinished?(subtask: number, split: IdentifiedSplit<Split>, watermark: number): void
  snapshotState(checkpointId: number): EnumState
  checkpointComplete?(checkpointId: number): void
  close?(ending: Ending): void | Promise<void>
}

/** Slot thread. */
export interface ReaderContext {
  readonly uid: string
  readonly jobId: string
  readonly runId: string
  readonly subtask: number
  readonly parallelism: number
  readonly attempt: number
  readonly clock: Clock
  readonly metrics: MetricGroup
  warn(message: string): void
}

/** Slot thread. One per source subtask; opens a reader per split, which the host multiplexes (per-split watermarks, alignment). */
export interface SourceReader<Raw, Split> {
  openSplit(split: IdentifiedSplit<Split>): SplitReader<Raw, Split> | Promise<SplitReader<Raw, Split>>
  close?(): void | Promise<void>
}

/** `more`: poll again at once; `wait`: nothing now, see `available`; `end`: the split is read to its end. */
export type PollStatus = 'more' | 'wait' | 'end'

/** Slot thread. `poll` is synchronous and hands over what has been fetched; fetching runs behind it. */
export interface SplitReader<Raw, Split> {
  /** Hands at most `max` records to `out`, in order. */
  poll(out: RawOutput<Raw>, max: number): PollStatus
  /** Resolves when `poll` would not say `wait`; rejects with what makes reading impossible. */
  available(): Promise<void>
  /** The split from the first record not yet handed over. */
  position(): Split
  close?(): void | Promise<void>
}

/** Where a split reader hands its records. */
export interface RawOutput<Raw> {
  /** `timestamp`: the source's own event time of the record, `NO_TIMESTAMP` if it has none. `raw` is only valid during the call. */
  collect(raw: Raw, timestamp: number): void
}

/** A record as bytes, before decoding: the reader reuses the object. */
export interface RawRecord {
  /** Valid during the call only. */
  readonly bytes: Uint8Array
  /** UTF-8, undecodable bytes as U+FFFD. */
  text(): string
  /** Where it came from: `path:byteOffset`. */
  position(): string
  /** When a service took it, by its own clock, epoch milliseconds: of a stream's records. NaN if the service does not say. */
  readonly approximateArrivalMs?: number
}

/** What a decoder may do with a record, besides emitting it (any number of times). */
export interface DecodeOutput<T> {
  emit(value: T): void
  /** The record goes to the source's invalid output, with its bytes and position. */
  invalid(reason: string): void
}

/** Raw records to values. Emitting nothing and not calling `invalid` skips the record: it is not counted. Synchronous. */
export interface Decoder<Raw, T> {
  decode(raw: Raw, out: DecodeOutput<T>): void
}

/** What goes to the invalid output. `rawBase64` is there when `raw` could not be decoded losslessly. */
export interface InvalidRecord {
  readonly raw: string
  readonly reason: string
  readonly source: string
  readonly rawBase64?: string
}

/** How event time moves. Watermarks are kept per split; a subtask's is the minimum over its unfinished, non-idle splits. */
export interface WatermarkStrategy<T> {
  /** Epoch milliseconds; `recordTimestamp` is the source's own. Absent: the source's own. */
  readonly timestamp?: (value: T, recordTimestamp: number) => number
  /** `bounded`: max - outOfOrdernessMs - 1 (Flink's BoundedOutOfOrdernessWatermarks). `none`: only the end of input. */
  readonly generator: { readonly kind: 'bounded'; readonly outOfOrdernessMs: number } | { readonly kind: 'none' }
  /** A split without records for so long stops holding the watermark back. Absent: never. */
  readonly idlenessMs?: number
  /** How far a split's watermark may run ahead of the slowest of all readers. Default on bounded sources; absent: not at all limited. */
  readonly maxDriftMs?: number
}
