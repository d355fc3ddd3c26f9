/*
 * Records that one sender combines before a hash edge.
 *
 *   record --> does its pane fire behind the last watermark on this edge? --yes--> partial of its key and pane --> batch of partials
 *                                                        \-no--> goes by itself, as it came
 *
 * Invariant: a partial leaves before any watermark >= `firesAt` of its pane does, and holds no record that came behind one. The receiver's
 * watermark is the minimum over its channels, so at most the last one on this channel: a partial finds its pane as its records would have
 * found it, not late and with no window fired. What is late or fires a window again goes by itself, and is judged by the receiver.
 * Where the receiver may be ahead (this sender was idle), partials wait no longer than records in a batch do: they leave before every
 * watermark, and when partly filled batches leave.
 *
 * Nothing is here behind a barrier: partials leave before it, and so no state of theirs is in a checkpoint.
 *
 * When records meet too few others of their key and pane it only costs. Then no record is taken for a while.
 */
import { KeyGrouper } from '../codec/key-group.js'
import { mapKeyOf, type MapKey } from '../codec/map-key.js'
import type { Combiner } from '../contract/combiner.js'
import type { Key } from '../contract/key.js'
import { MIN_WATERMARK } from '../contract/time.js'
import type { ControlElement } from '../exchange/element.js'
import type { EdgeCombining } from '../plan/combining.js'
import type { PartialRecord } from './partial-record.js'
import { operatorFailure } from '../contract/operator-failure.js'

/** Sent by themselves in a row, so many take a few milliseconds. */
const MAX_PARTIALS = 16_384
/** Accumulators may grow with each record, so there must be a limit. */
const MAX_RECORDS = 8 * MAX_PARTIALS
/**
 * Records a partial from which on it pays: measured, a partial costs as much as three records, with a number or an object of three for
 * an accumulator. Looked at when so many partials have left.
 */
const WORTH = 3
const SAMPLE = MAX_PARTIALS
/** Records that go by themselves before it is tried again; twice as many after each time in a row that it did not pay. */
const PAUSE_RECORDS = 64 * SAMPLE
const LONGEST_PAUSE_RECORDS = 16 * PAUSE_RECORDS

/** The partials of one edge in one subtask. Slot thread. */
export class Partials {
  /** As many as there may be: they have to leave. */
  full = false
  private readonly uid: string
  private readonly combiner: Combiner<unknown>
  private readonly keyOf: (value: unknown) => Key
  private readonly grouper: KeyGrouper
  private readonly everyWatermark: boolean
  /** In the order in which they began. */
  private readonly partials: PartialRecord[] = []
  private readonly panes = new Float64Array(MAX_PARTIALS)
  private readonly keyGroups = new Uint16Array(MAX_PARTIALS)
  private readonly byPane = new Map<number, Map<MapKey, PartialRecord>>()
  /** The partials of the current pane, and the event times it holds; none of them: an empty range. */
  private current = new Map<MapKey, PartialRecord>()
  private from = 0
  private to = 0
  private watermark = MIN_WATERMARK
  /** The first watermark that must not overtake the partials. */
  private firesAt = Infinity
  private records = 0
  private sampledRecords = 0
  private sampledPartials = 0
  private pause = 0
  private nextPause = PAUSE_RECORDS

  /** `uid`: the receiver's. */
  constructor(combining: EdgeCombining, uid: string, keyOf: (value: unknown) => Key, maxParallelism: number) {
    this.uid = uid
    this.combiner = combining.spec.create(uid)
    this.everyWatermark = combining.flush === 'watermark'
    this.keyOf = keyOf
    this.grouper = new KeyGrouper(maxParallelism)
  }

  /** Combines the record with others; false: it has to go by itself. Throws what the user's functions throw, as the receiver's. */
  take(value: unknown, timestamp: number): boolean {
    if (this.pause > 0) {
      this.pause--
      return false
    }
    if (!(timestamp >= this.from && timestamp < this.to) && !this.moveTo(timestamp)) return false
    try {
      const key = this.keyOf(value)
      const mapKey = mapKeyOf(key)
      const partial = this.current.get(mapKey)
      if (partial === undefined) this.begin(key, mapKey, value)
      else {
        partial.acc = this.combiner.add(partial.acc, value)
        partial.count++
      }
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
    if (++this.records === MAX_RECORDS) this.full = true
    return true
  }

  /** Whether partials have to leave with partly filled batches. */
  get hurry(): boolean {
    return this.everyWatermark && this.partials.length > 0
  }

  /** Whether partials have to leave before the element, which is about to. Called for each one: it takes note of watermarks. */
  mustLeaveBefore(element: ControlElement): boolean {
    if (element.kind === 'active') return false
    if (element.kind === 'watermark') {
      this.watermark = element.time
      if (!this.everyWatermark && element.time < this.firesAt) return false
    }
    return this.partials.length > 0
  }

  /** Hands all over. */
  leave(put: (partial: PartialRecord, pane: number, keyGroup: number) => void): void {
    const { partials, panes, keyGroups } = this
    for (let i = 0; i < partials.length; i++) put(partials[i]!, panes[i]!, keyGroups[i]!)
    this.judge(partials.length)
    partials.length = 0
    this.byPane.clear()
    this.from = this.to = 0
    this.firesAt = Infinity
    this.records = 0
    this.full = false
  }

  private moveTo(timestamp: number): boolean {
    const { combiner } = this
    this.from = this.to = 0
    if (!combiner.moveTo(timestamp) || combiner.firesAt <= this.watermark) return false
    const { pane } = combiner
    let current = this.byPane.get(pane)
    if (current === undefined) this.byPane.set(pane, (current = new Map<MapKey, PartialRecord>()))
    this.current = current
    this.from = pane
    this.to = combiner.end
    if (combiner.firesAt < this.firesAt) this.firesAt = combiner.firesAt
    return true
  }

  private begin(key: Key, mapKey: MapKey, value: unknown): void {
    const at = this.partials.length
    this.keyGroups[at] = this.grouper.groupOf(key)
    this.panes[at] = this.from
    const partial = { key, acc: this.combiner.begin(value), count: 1 }
    this.current.set(mapKey, partial)
    this.partials.push(partial)
    if (at + 1 === MAX_PARTIALS) this.full = true
  }

  private judge(partials: number): void {
    this.sampledRecords += this.records
    this.sampledPartials += partials
    if (this.sampledPartials < SAMPLE) return
    if (this.sampledRecords >= WORTH * this.sampledPartials) this.nextPause = PAUSE_RECORDS
    else {
      this.pause = this.nextPause
      this.nextPause = Math.min(2 * this.pause, LONGEST_PAUSE_RECORDS)
    }
    this.sampledRecords = this.sampledPartials = 0
  }
}
