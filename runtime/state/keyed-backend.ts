import type { Key } from '../contract/key.js'
import type { KeyedStateStore, StateDescriptor, StateSchema, TimerService } from '../contract/state.js'
import { MIN_WATERMARK, type Clock } from '../contract/time.js'
import { Charge } from './charge.js'
import { EntryEncoder } from './entry-encoder.js'
import { EntryTable } from './entry-table.js'
import { EVENT_TIME, PROCESSING_TIME, type TimerKind } from './entry-timers.js'
import { ExpirySweep } from './expiry-sweep.js'
import { type FireTimer, KeyedTimers } from './keyed-timers.js'
import { RowCodec } from './row-codec.js'
import { TOUCHED } from './page.js'
import { Restoring } from './restoring.js'
import { RowRestorer } from './row-restorer.js'
import type { RowSink, SnapshotSize } from './row-sink.js'
import { Snapshot } from './snapshot.js'
import { Spill } from './spill.js'
import { SpillBlobs } from './spill-blob.js'
import type { SpillStore } from './spill-store.js'
import { StateLayout } from './state-layout.js'
import { StateStore } from './state-store.js'
import type { StoredRows } from './stored-rows.js'

/** Entries looked at by one call of {@link KeyedBackend.evictIfNeeded}, for tombstones and for expired values. */
const HOUSEKEEPING = 512

/** What a subtask's keyed state is made of. */
export interface KeyedBackendOptions {
  readonly uid: string
  readonly states: readonly StateDescriptor[]
  /** The key groups of this subtask, both ends included. */
  readonly firstKeyGroup: number
  readonly lastKeyGroup: number
  readonly clock: Clock
  /** What entries in memory may be charged, in bytes; matters with `spill` only. */
  readonly cacheBytes: number
  /** Without one, all state stays in memory. */
  readonly spill?: SpillStore
  /** The schema of the checkpoint whose rows are going to be restored. */
  readonly restoredSchema?: readonly StateSchema[]
  /** Drop states of `restoredSchema` that are not declared any more, rather than refuse them. */
  readonly allowNonRestoredState?: boolean
  /** The operator's watermark in the restored checkpoint. */
  readonly watermark?: number
}

/**
 * Keyed state and timers of one operator subtask, on its slot's thread. The host's protocol:
 *
 *   records      prefetch a batch and await it, then for each record setCurrentKey and process
 *   watermark    until done: prefetchTimers and await it, then advanceWatermark
 *   clock        until done: prefetchProcessingTimers and await it, then fireProcessingTimers
 *   barrier      freeze; then between batches, until done: prefetchFrozen and await it, then writeSlice;
 *                at last completeCheckpoint or abortCheckpoint
 *   now and then evictIfNeeded and await it
 *   after restoreFrom, between batches, until undefined: restoreSlice and await it
 *
 * Each promise is undefined when there is nothing to wait for, which is always so while everything is in memory; otherwise it must be
 * awaited.
 */
export class KeyedBackend {
  readonly store: KeyedStateStore
  readonly timers: TimerService
  readonly #table: EntryTable
  readonly #timers: KeyedTimers
  readonly #snapshot: Snapshot
  readonly #restorer: RowRestorer
  readonly #sweep: ExpirySweep
  readonly #charge: Charge
  readonly #spill: Spill | undefined
  readonly #codec: RowCodec
  #restoring: Restoring | undefined

  /** Throws MILLRACE_RESTORE when `restoredSchema` does not fit, MILLRACE_GRAPH for declarations that make no sense. */
  constructor(options: KeyedBackendOptions) {
    const { uid, states, clock, restoredSchema = [], allowNonRestoredState = false } = options
    const layout = new StateLayout(uid, states, restoredSchema, allowNonRestoredState)
    const table = new EntryTable(layout, options.firstKeyGroup, options.lastKeyGroup)
    const codec = new RowCodec(uid, table, clock)
    this.#table = table
    this.#codec = codec
    this.#timers = new KeyedTimers(uid, table, clock)
    this.#timers.restoreWatermark(options.watermark ?? MIN_WATERMARK)
    this.#snapshot = new Snapshot(table, new EntryEncoder(table, codec, clock))
    this.#restorer = new RowRestorer(uid, table, this.#timers, codec)
    this.#sweep = new ExpirySweep(table, codec, clock)
    this.#charge = new Charge(table, options.spill !== undefined)
    table.freezer = this.#snapshot
    this.timers = this.#timers
    this.store = new StateStore({ uid, table, charge: this.#charge, clock })
    if (options.spill !== undefined) {
      this.#spill = new Spill({
        table,
        timers: this.#timers,
        snapshot: this.#snapshot,
        blobs: new SpillBlobs(table, codec, this.#snapshot),
        charge: this.#charge,
        store: options.spill,
        cacheBytes: options.cacheBytes,
      })
    }
  }

  /** The states as the manifest keeps them; their places are the ordinals in rows. */
  schema(): readonly StateSchema[] {
    return this.#table.layout.schema()
  }

  /** Entries in memory. */
  get entries(): number {
    return this.#table.entries
  }

  /** What the entries in memory are charged, in bytes: an estimate by encoded size. */
  get chargedBytes(): number {
    return this.#charge.bytes()
  }

  /** Makes `key` the current one. It has passed `KeyGrouper`, which gave `keyGroup`. */
  setCurrentKey(key: Key, keyGroup: number): void {
    this.#table.setCurrent(key, keyGroup)
  }

  /** No key is current: state and timers are MILLRACE_USER until one is. */
  clearCurrentKey(): void {
    this.#table.clearCurrent()
  }

  /** The key of the element or timer being processed; MILLRACE_USER when there is none. */
  currentKey(): Key {
    return this.#table.key ?? this.#table.absent()!
  }

  /**
   * Raises the watermark and fires the event timers up to it, by time, each with its key current; within one time the order is
   * deterministic. True when done; false when `shouldYield` said so, or the next timers must be prefetched: call again.
   */
  advanceWatermark(watermark: number, fire: FireTimer, shouldYield: () => boolean): boolean {
    return this.#timers.advanceWatermark(watermark, fire, shouldYield)
  }

  /** The same for processing-time timers up to `now`. */
  fireProcessingTimers(now: number, fire: FireTimer, shouldYield: () => boolean): boolean {
    return this.#timers.fireUntil(PROCESSING_TIME, now, fire, shouldYield)
  }

  /** When to call {@link fireProcessingTimers}; may be early, never late. Infinity when there are none. */
  nextProcessingTimer(): number {
    return this.#timers.nextTime(PROCESSING_TIME)
  }

  /** Of event time and of processing time: times before which no timer is registered, or Infinity when there is none. */
  firstTimers(): [number, number] {
    return [this.#timers.nextTime(EVENT_TIME), this.#timers.nextTime(PROCESSING_TIME)]
  }

  /** After {@link restoreFrom} those of the rows that have come so far. */
  pendingProcessingTimers(): number {
    return this.#timers.counts[PROCESSING_TIME]
  }

  pendingEventTimers(): number {
    return this.#timers.counts[EVENT_TIME]
  }

  /** Whether anything was spilled, or has not been restored yet: else {@link prefetch} has nothing to do. */
  get mayMiss(): boolean {
    return this.#restoring !== undefined || (this.#spill?.holdsEntries ?? false)
  }

  prefetch(keys: readonly Key[], keyGroups: Uint16Array, count: number): Promise<void> | undefined {
    const restored = this.#restoring?.prefetch(keys, keyGroups, count)
    if (restored === undefined) return this.#spill?.prefetch(keys, keyGroups, count)
    return restored.then(() => this.#spill?.prefetch(keys, keyGroups, count))
  }

  prefetchTimers(watermark: number): Promise<void> | undefined {
    return this.#prefetchTimers(EVENT_TIME, Math.max(watermark, this.#timers.currentWatermark()))
  }

  prefetchProcessingTimers(now: number): Promise<void> | undefined {
    return this.#prefetchTimers(PROCESSING_TIME, now)
  }

  #prefetchTimers(kind: TimerKind, limit: number): Promise<void> | undefined {
    return this.#restoring?.prefetchTimers(kind, limit) ?? this.#spill?.prefetchTimers(kind, limit)
  }

  /**
   * What has changed since the last one belongs to this checkpoint from now on. No key is current afterwards. A checkpoint that is
   * neither complete nor aborted counts as aborted: this one holds its changes, too.
   */
  freeze(checkpointId: number): void {
    this.#snapshot.freeze(checkpointId)
  }

  /** Frozen entries that were spilled are read back; undefined when there are none (left). */
  prefetchFrozen(): Promise<void> | undefined {
    return this.#spill?.prefetchFrozen()
  }

  /** Encodes frozen entries in memory ahead of {@link writeSlice}, which else encodes them itself. True when all are. */
  encodeSlice(maxEntries: number): boolean {
    return this.#snapshot.encodeSlice(maxEntries)
  }

  /**
   * Emits frozen rows, ascending by key group and row key, in slices of about `maxRows`. True when all are out; false else, and
   * {@link prefetchFrozen} comes before the next call. Throws MILLRACE_VALUE for a value that cannot be stored.
   */
  writeSlice(sink: RowSink, maxRows: number): boolean {
    return this.#snapshot.writeSlice(sink, maxRows)
  }

  /** Emits all frozen rows at once. */
  async writeRows(sink: RowSink): Promise<SnapshotSize> {
    for (;;) {
      await this.prefetchFrozen()
      if (this.writeSlice(sink, Infinity)) return this.#snapshot.size
    }
  }

  /** What the checkpoint has emitted so far. */
  snapshotSize(): SnapshotSize {
    return this.#snapshot.size
  }

  /** The changes of the pending checkpoint belong to the next one. Another id is ignored. */
  abortCheckpoint(checkpointId: number): void {
    this.#snapshot.abort(checkpointId)
  }

  /** The pending checkpoint is durable. Another id is ignored. */
  completeCheckpoint(checkpointId: number): void {
    this.#snapshot.complete(checkpointId)
  }

  /** Takes a row of a checkpoint, the newest of its key; before the first record. Call {@link evictIfNeeded} now and then. */
  restoreRow(keyGroup: number, rowKey: Uint8Array, value: Uint8Array): void {
    this.#restorer.look(keyGroup, rowKey, 0, rowKey.length)
    this.#restorer.take(value, 0, value.length, TOUCHED)
  }

  /**
   * Goes on from a checkpoint whose rows are read when they are needed; before the first record. `firstTimers`: times before which none of
   * them has an event timer, a processing timer.
   */
  restoreFrom(rows: StoredRows, firstTimers: readonly [number, number]): void {
    const restoring = new Restoring({
      table: this.#table,
      codec: this.#codec,
      restorer: this.#restorer,
      rows,
      firstTimers,
      spill: this.#spill,
      evict: () => this.evictIfNeeded(),
      done: () => this.#restored(),
    })
    this.#restoring = restoring
    this.#table.loader = restoring
    this.#timers.spilled = restoring
  }

  /** Brings the next rows of {@link restoreFrom} into memory; undefined when all are there. May fail with MILLRACE_CORRUPT. */
  restoreSlice(): Promise<void> | undefined {
    return this.#restoring?.move(1)
  }

  /** All rows of {@link restoreFrom} at once. */
  async restoreAll(): Promise<void> {
    await this.#restoring?.move(Infinity)
  }

  #restored(): void {
    this.#restoring = undefined
    this.#table.loader = this.#spill?.holdsEntries ? this.#spill : undefined
    this.#timers.spilled = this.#spill
  }

  /**
   * Housekeeping between batches: frees entries whose tombstones are durable, drops expired values, and moves cold entries to the spill
   * store when there is too much in memory. No key is current afterwards.
   */
  evictIfNeeded(): Promise<void> | undefined {
    this.#table.clearCurrent()
    this.#snapshot.reap(HOUSEKEEPING)
    this.#sweep.sweep(HOUSEKEEPING)
    return this.#spill?.evictIfNeeded()
  }

  /** Waits for what the spill store is doing. The store itself is its owner's to close. */
  async close(): Promise<void> {
    this.#table.clearCurrent()
    this.#restoring?.close()
    await this.#spill?.close()
  }
}
