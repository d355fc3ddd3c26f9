import { describe, expect, it } from 'vitest'
import { keyGroupOf, subtaskOf } from '../../runtime/codec/key-group.js'
import type { Combiner, CombinerSpec } from '../../runtime/contract/combiner.js'
import type { Key } from '../../runtime/contract/key.js'
import type { ChannelWriter } from '../../runtime/exchange/channel.js'
import type { ControlElement } from '../../runtime/exchange/element.js'
import { RecordBatch } from '../../runtime/exchange/record-batch.js'
import { unmarkPartials, type PartialRecord } from '../../runtime/task/partial-record.js'
import { createRecordWriter, type RecordWriter } from '../../runtime/task/record-writer.js'

const MAX_PARALLELISM = 128
/** As in partials.ts. */
const MAX_PARTIALS = 16_384
const MAX_RECORDS = 8 * MAX_PARTIALS
const PAUSE_RECORDS = 64 * MAX_PARTIALS

interface Item {
  readonly key: Key
  readonly id: number
}

/** Tumbling windows of ten milliseconds that list the ids of their records; none before time 0. */
class Tens implements Combiner<Item, number[]> {
  pane = 0
  end = 0
  firesAt = 0

  moveTo(timestamp: number): boolean {
    if (!(timestamp >= 0)) return false
    this.pane = Math.floor(timestamp / 10) * 10
    this.end = this.pane + 10
    this.firesAt = this.end - 1
    return true
  }

  begin(item: Item): number[] {
    return this.add([], item)
  }

  add(ids: number[], { id }: Item): number[] {
    if (id < 0) throw new Error('no such id')
    ids.push(id)
    return ids
  }
}

type Arrived =
  | { readonly record: unknown; readonly timestamp: number; readonly keyGroup: number }
  | { readonly partial: PartialRecord; readonly pane: number; readonly keyGroup: number }
  | ControlElement

class RecordedChannel implements ChannelWriter {
  isHeld(): boolean {
    return false
  }

  taken(): () => boolean {
    return () => true
  }

  readonly arrived: Arrived[] = []
  readonly batches: ('records' | 'partials')[] = []
  full = false

  takeBatch(): RecordBatch {
    return new RecordBatch(512, true)
  }

  tryWriteRecords(batch: RecordBatch): boolean {
    if (this.full) return false
    const marks = new Set(Array.from(batch.keyGroups!.subarray(0, batch.length), (group) => group >= MAX_PARALLELISM))
    expect(marks.size, 'kinds of records in a batch').toBe(1)
    const partials = unmarkPartials(batch)
    this.batches.push(partials ? 'partials' : 'records')
    for (let i = 0; i < batch.length; i++) {
      const [value, time, keyGroup] = [batch.values[i], batch.timestamps[i]!, batch.keyGroups![i]!]
      if (partials) this.arrived.push({ partial: value as PartialRecord, pane: time, keyGroup })
      else this.arrived.push({ record: value, timestamp: time, keyGroup })
    }
    return true
  }

  tryWriteControl(element: ControlElement): boolean {
    if (this.full) return false
    this.arrived.push(element)
    return true
  }

  hasRoom(): boolean {
    return !this.full
  }
}

function combining(channels = 1, flush: 'firing' | 'watermark' = 'firing') {
  const spec: CombinerSpec = { create: () => new Tens(), lateTag: undefined, refires: false }
  const ends = Array.from({ length: channels }, () => new RecordedChannel())
  const writer = createRecordWriter(
    { partitioning: { kind: 'hash', keyOf: (item: Item) => item.key }, combining: { spec, flush } },
    ends,
    { maxParallelism: MAX_PARALLELISM, subtask: 0, uid: 'window' },
  )
  return { writer, ends, arrived: ends[0]!.arrived }
}

const watermark = (time: number): ControlElement => ({ kind: 'watermark', time })
const barrier: ControlElement = { kind: 'barrier', checkpointId: 1, timestamp: 0 }

/** What arrived, in short: `k[1,2]@10` partial, `3@12` record, `w19` watermark. */
function short(arrived: readonly Arrived[]): string[] {
  return arrived.map((element) => {
    if ('partial' in element) {
      const { key, acc, count } = element.partial
      expect(count).toBe((acc as number[]).length)
      return `${String(key)}[${String(acc)}]@${element.pane}`
    }
    if ('record' in element) return `${(element.record as Item).id}@${element.timestamp}`
    return element.kind === 'watermark' ? `w${element.time}` : element.kind
  })
}

function distinct(writer: RecordWriter, count: number, each = 1): void {
  for (let id = 0; id < count; id++) for (let n = 0; n < each; n++) writer.emit({ key: id, id }, 5)
}

const counted = (arrived: readonly Arrived[]): { records: number; partials: number } => ({
  records: arrived.filter((element) => 'record' in element).length,
  partials: arrived.filter((element) => 'partial' in element).length,
})

describe('the sender of a combined edge', () => {
  it('puts records of one key and pane together', () => {
    const { writer, arrived } = combining()
    writer.emit({ key: 'a', id: 1 }, 0)
    writer.emit({ key: 'b', id: 2 }, 9)
    writer.emit({ key: 'a', id: 3 }, 10)
    writer.emit({ key: 'a', id: 4 }, 3)
    writer.flush()
    expect(arrived).toEqual([])
    writer.control({ kind: 'end' })
    expect(short(arrived)).toEqual(['a[1,4]@0', 'b[2]@0', 'a[3]@10', 'end'])
  })

  it('sends partials before the watermark at which their pane fires, and none before an earlier one', () => {
    const { writer, arrived } = combining()
    writer.emit({ key: 'a', id: 1 }, 4)
    writer.control(watermark(8))
    writer.emit({ key: 'a', id: 2 }, 5)
    expect(short(arrived)).toEqual(['w8'])
    writer.control(watermark(9))
    expect(short(arrived)).toEqual(['w8', 'a[1,2]@0', 'w9'])
  })

  it('sends them all when the first pane fires, in whichever order the panes began', () => {
    const orders = [
      [4, 14],
      [14, 4],
    ]
    for (const times of orders) {
      const { writer, arrived } = combining()
      times.forEach((time, id) => writer.emit({ key: 'a', id }, time))
      writer.control(watermark(9))
      expect(arrived).toHaveLength(3)
    }
  })

  it.each<ControlElement>([barrier, { kind: 'idle' }, { kind: 'end' }])('sends partials before $kind', (element) => {
    const { writer, arrived } = combining()
    writer.emit({ key: 'a', id: 1 }, 4)
    writer.control({ kind: 'active' })
    expect(short(arrived)).toEqual(['active'])
    writer.control(element)
    expect(short(arrived)).toEqual(['active', 'a[1]@0', element.kind])
    writer.emit({ key: 'a', id: 2 }, 4)
    writer.control(watermark(100))
    expect(short(arrived).slice(3)).toEqual(['a[2]@0', 'w100'])
  })

  it('sends records by themselves, as they came, when their pane has fired for what it knows', () => {
    const { writer, arrived } = combining()
    writer.control(watermark(8))
    writer.emit({ key: 'a', id: 1 }, 4)
    writer.control(watermark(9))
    const late = { key: 'a', id: 2 }
    writer.emit(late, 4)
    writer.emit({ key: 'a', id: 3 }, 10)
    writer.emit({ key: 'a', id: 4 }, 9)
    writer.flush()
    expect(short(arrived)).toEqual(['w8', 'a[1]@0', 'w9', '2@4', '4@9'])
    expect(arrived[3]).toMatchObject({ timestamp: 4, keyGroup: keyGroupOf('a', MAX_PARALLELISM) })
    expect((arrived[3] as { record: unknown }).record).toBe(late)
    writer.control(watermark(Infinity))
    writer.emit({ key: 'a', id: 5 }, 1_000)
    writer.flush()
    expect(short(arrived).slice(5)).toEqual(['a[3]@10', 'wInfinity', '5@1000'])
  })

  it('sends records without a pane by themselves', () => {
    const { writer, arrived } = combining()
    writer.emit({ key: 'a', id: 1 }, -1)
    writer.emit({ key: 'a', id: 2 }, -Infinity)
    writer.emit({ key: 'a', id: 3 }, NaN)
    writer.flush()
    expect(short(arrived)).toEqual(['1@-1', '2@-Infinity', '3@NaN'])
  })

  it('where receivers may be ahead, sends partials before every watermark and with every batch', () => {
    const { writer, arrived } = combining(1, 'watermark')
    writer.emit({ key: 'a', id: 1 }, 4)
    writer.control(watermark(1))
    writer.emit({ key: 'a', id: 2 }, 4)
    writer.control(watermark(2))
    expect(short(arrived)).toEqual(['a[1]@0', 'w1', 'a[2]@0', 'w2'])
    writer.emit({ key: 'a', id: 3 }, 4)
    writer.emit({ key: 'a', id: 4 }, -1)
    writer.flush()
    expect(short(arrived).slice(4)).toEqual(['4@-1', 'a[3]@0'])
  })

  it('keeps partials and what is behind them in order while the channel is full', () => {
    const { writer, ends, arrived } = combining()
    ends[0]!.full = true
    writer.emit({ key: 'a', id: 1 }, 4)
    writer.control(watermark(9))
    writer.emit({ key: 'a', id: 2 }, 4)
    writer.control(barrier)
    expect(writer.blocked).toBe(true)
    expect(arrived).toEqual([])
    ends[0]!.full = false
    expect(writer.drain()).toBe(true)
    expect(short(arrived)).toEqual(['a[1]@0', 'w9', '2@4', 'barrier'])
  })

  it('sends each partial where its key belongs, keys being equal as elsewhere', () => {
    const { writer, ends } = combining(3)
    const keys: Key[] = ['a', 'b', 0, -0, 1, 1n, true, ['a', 1], ['a', 1], new Uint8Array([1]), new Uint8Array([1])]
    keys.forEach((key, id) => writer.emit({ key, id }, 4))
    writer.control({ kind: 'end' })
    const partials = ends.flatMap(({ arrived }, subtask) =>
      arrived.flatMap((element) => ('partial' in element ? [{ ...element, subtask }] : [])),
    )
    for (const { partial, keyGroup, subtask } of partials) {
      expect(keyGroup).toBe(keyGroupOf(partial.key, MAX_PARALLELISM))
      expect(subtask).toBe(subtaskOf(keyGroup, MAX_PARALLELISM, 3))
    }
    const ids = partials.map(({ partial }) => partial.acc as number[]).sort((a, b) => a[0]! - b[0]!)
    expect(ids).toEqual([[0], [1], [2, 3], [4], [5], [6], [7, 8], [9, 10]])
  })

  it('names the receiver when one of its functions fails, or a key is none', () => {
    const { writer } = combining()
    writer.emit({ key: 'a', id: 1 }, 4)
    expect(() => writer.emit({ key: 'a', id: -1 }, 4)).toThrow(/operator "window": Error: no such id/)
    expect(() => writer.emit({ key: 'b', id: -1 }, 4)).toThrow(/operator "window": Error: no such id/)
    expect(() => writer.emit({ key: NaN, id: 2 }, 4)).toThrow(/operator "window"/)
    expect(() => writer.emit({ key: 'x\ud800', id: 2 }, 4)).toThrow(/operator "window"/)
  })
})

describe('what a sender holds', () => {
  it('is so many partials at most', () => {
    const { writer, arrived } = combining()
    distinct(writer, MAX_PARTIALS - 1, 3)
    expect(arrived).toEqual([])
    writer.emit({ key: 'last', id: 0 }, 5)
    expect(counted(arrived)).toEqual({ records: 0, partials: MAX_PARTIALS })
  })

  it('is so many records at most, since accumulators may grow', () => {
    const { writer, arrived } = combining()
    for (let id = 1; id < MAX_RECORDS; id++) writer.emit({ key: 'a', id: 1 }, 5)
    expect(arrived).toEqual([])
    writer.emit({ key: 'a', id: 2 }, 5)
    expect(counted(arrived)).toEqual({ records: 0, partials: 1 })
  })
})

describe('combining that does not pay', () => {
  it('stops, and is tried again later, each time in a row after twice as long', { timeout: 60_000 }, () => {
    const { writer, ends, arrived } = combining()
    let pause = PAUSE_RECORDS
    for (let round = 0; round < 2; round++, pause *= 2) {
      distinct(writer, MAX_PARTIALS, 2)
      writer.flush()
      // The last key's second record came behind the others.
      expect(counted(arrived)).toEqual({ records: 1, partials: MAX_PARTIALS })
      arrived.length = ends[0]!.batches.length = 0
      for (let id = 1; id < pause; id++) {
        writer.emit({ key: 'a', id: 1 }, 5)
        arrived.length = 0
      }
      writer.flush()
      expect(new Set(ends[0]!.batches)).toEqual(new Set(['records']))
      arrived.length = 0
    }
    distinct(writer, MAX_PARTIALS - 1, 4)
    writer.control(barrier)
    expect(counted(arrived)).toEqual({ records: 0, partials: MAX_PARTIALS - 1 })
  })

  it('is judged by many partials, not by the first ones', () => {
    const { writer, arrived } = combining()
    for (let id = 0; id < 100; id++) {
      writer.emit({ key: id, id }, 5)
      writer.control(barrier)
    }
    expect(counted(arrived)).toEqual({ records: 0, partials: 100 })
  })

  it('goes on when it does', () => {
    const { writer, arrived } = combining()
    for (let round = 0; round < 3; round++) {
      distinct(writer, MAX_PARTIALS - 1, 4)
      writer.control(barrier)
    }
    expect(counted(arrived)).toEqual({ records: 0, partials: 3 * (MAX_PARTIALS - 1) })
  })
})
