// A gate and the batch in progress under any interleaving: what was processed before a snapshot and what is in flight in it are together
// what came before the barrier, on each channel, in order.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ControlElement } from '../../runtime/exchange/element.js'
import { LocalChannel } from '../../runtime/exchange/local-channel.js'
import { RecordBatch } from '../../runtime/exchange/record-batch.js'
import { FrameStore } from '../../runtime/exchange/stored-frame.js'
import { BatchInProgress } from '../../runtime/task/batch-in-progress.js'
import type { InFlight } from '../../runtime/task/channel-file.js'
import { ChannelLog } from '../../runtime/task/channel-log.js'
import type { GateChannel } from '../../runtime/task/gate-channel.js'
import { InputGate } from '../../runtime/task/input-gate.js'
import type { Link } from '../../runtime/task/link.js'
import { Overtaking } from '../../runtime/task/overtaking.js'
import { Pauses } from '../../runtime/task/pauses.js'

const MAX_RECORDS = 40
const frames = new FrameStore()

/** One thing on a channel, as text: a record's value, or what a control element says. */
type Seen = string

type Sent = { readonly kind: 'records'; readonly values: readonly unknown[] } | ControlElement

/** A gate whose channels are written to and whose records are processed one step at a time. */
class Bench {
  readonly channels: LocalChannel[]
  readonly gate: InputGate
  readonly batch: BatchInProgress
  readonly processed: Seen[][]
  readonly refused: unknown[] = []
  logged: Seen[][] | undefined
  aligned: number | undefined
  complete = false
  private current = 0
  /** Each record seems to take long: then one is processed in a turn. */
  private nowMs = 0

  constructor(channels: number, options: { readonly aligned?: number; readonly limitBytes?: number } = {}) {
    this.channels = Array.from({ length: channels }, () => new LocalChannel(1000, MAX_RECORDS, false))
    this.processed = this.channels.map(() => [])
    const emit = (value: unknown): void => void this.processed[this.current]!.push(String(value))
    const head = { backend: undefined, input: { emit }, input2: { emit } } as unknown as Link
    this.batch = new BatchInProgress(
      head,
      [],
      new Pauses(
        [],
        () => {},
        () => {},
      ),
      { now: () => (this.nowMs += 100) } as never,
    )
    const gateChannels = this.channels.map((reader, c): GateChannel => ({
      reader,
      input: 0,
      keyOf: undefined,
      ...(c === options.aligned ? {} : { place: { edge: 0, sender: c } }),
    }))
    const overtaking = new Overtaking({
      frames,
      maxRecords: MAX_RECORDS,
      limitBytes: options.limitBytes ?? 1e9,
      refused: (error) => this.refused.push(error),
      log: () => new ChannelLog((part) => this.write(part)),
      restored: [],
    })
    this.gate = new InputGate(
      gateChannels,
      {
        records: (batch, channel) => {
          this.current = gateChannels.indexOf(channel)
          void this.batch.begin(batch, channel)
        },
        aligned: (checkpointId) => (this.aligned = checkpointId),
        watermark: () => {},
        status: () => {},
        ended: () => {},
      },
      -Infinity,
      overtaking,
    )
  }

  send(channel: number, sent: Sent): void {
    const writer = this.channels[channel]!
    if (sent.kind !== 'records') return void writer.tryWriteControl(sent)
    const batch = writer.takeBatch()
    for (const value of sent.values) batch.append(value, 0, 0)
    writer.tryWriteRecords(batch)
  }

  /** What a subtask does in a turn. */
  step(): boolean {
    const ahead = this.gate.readAhead()
    if (this.batch.active) void this.batch.process()
    else if (!this.gate.poll()) return ahead
    return true
  }

  overtake(checkpointId = 1): boolean {
    if (!this.gate.mayOvertake(checkpointId)) return false
    this.snapshot = this.processed.map((seen) => seen.length)
    const log = this.gate.overtake(checkpointId, this.batch)
    if (log === undefined) return false
    this.logged = this.channels.map(() => [])
    void log.written.then(() => (this.complete = true))
    return true
  }

  /** How much of each channel the snapshot has. */
  snapshot: number[] | undefined

  private write(part: readonly InFlight[]): Promise<never> {
    for (const { sender, element } of part) {
      if (element.kind !== 'frame') this.logged![sender]!.push(shown(element))
      else {
        const batch = new RecordBatch(MAX_RECORDS, false)
        frames.load(element, batch)
        this.logged![sender]!.push(...batch.values.slice(0, batch.length).map(String))
      }
    }
    return Promise.resolve({} as never)
  }
}

function shown(element: ControlElement): Seen {
  return element.kind === 'watermark' ? `w${element.time}` : element.kind
}

const barrier: Sent = { kind: 'barrier', checkpointId: 1, timestamp: 0 }

/** For each channel how many records its batches before and behind the barrier have; then whose turn it is. */
const script = fc.record({
  before: fc.array(fc.array(fc.integer({ min: 1, max: MAX_RECORDS }), { maxLength: 5 }), {
    minLength: 1,
    maxLength: 3,
  }),
  behind: fc.integer({ min: 0, max: 3 }),
  turns: fc.array(fc.constantFrom('send', 'step', 'overtake'), { maxLength: 60 }),
  picks: fc.infiniteStream(fc.nat(2)),
  limitBytes: fc.constantFrom(0, 60, 1e9),
})

describe('a barrier that overtakes', () => {
  it('leaves in flight exactly what the snapshot lacks, and each channel in order', async () => {
    await fc.assert(
      fc.asyncProperty(script, async ({ before, behind, turns, picks, limitBytes }) => {
        const bench = new Bench(before.length, { limitBytes })
        let n = 0
        const sent = before.map((batches, c) => [
          ...batches.map((records): Sent => ({
            kind: 'records',
            values: Array.from({ length: records }, () => `${c}:${n++}`),
          })),
          barrier,
          ...Array.from({ length: behind }, (): Sent => ({ kind: 'records', values: [`${c}:${n++}`] })),
        ])
        const all = sent.map((one) => one.flatMap((each) => (each.kind === 'records' ? each.values : [])))
        const due = sent.map((one) =>
          one.slice(0, one.indexOf(barrier)).flatMap((each) => (each.kind === 'records' ? each.values : [])),
        )
        const left = sent.map((one) => [...one])
        for (const turn of turns) {
          if (turn === 'step') bench.step()
          else if (turn === 'overtake') bench.overtake()
          else {
            const c = picks.next().value % before.length
            const next = left[c]!.shift()
            if (next !== undefined) bench.send(c, next)
          }
        }
        left.forEach((rest, c) => rest.forEach((each) => bench.send(c, each)))
        while (bench.step());
        await new Promise(setImmediate)
        expect(bench.processed).toEqual(all)
        if (bench.logged === undefined) expect(bench.aligned).toBe(1)
        else {
          expect(bench.aligned).toBeUndefined()
          expect(bench.complete).toBe(true)
          const parts = bench.logged.map((logged, c) => [
            ...bench.processed[c]!.slice(0, bench.snapshot![c]),
            ...logged,
          ])
          expect(parts).toEqual(due)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('waits for the barrier of a channel that it may not overtake', () => {
    const bench = new Bench(2, { aligned: 1 })
    bench.send(0, { kind: 'records', values: ['a'] })
    bench.send(1, { kind: 'records', values: ['b'] })
    bench.send(1, barrier)
    expect(bench.overtake()).toBe(false)
    while (bench.step());
    bench.send(0, { kind: 'records', values: ['c'] })
    expect(bench.overtake()).toBe(true)
    expect(bench.snapshot).toEqual([1, 1])
  })

  it('asks senders for no more until all that was overtaken is worked off', () => {
    const bench = new Bench(2)
    for (const c of [0, 1]) bench.send(c, { kind: 'records', values: ['a', 'b'] })
    bench.overtake()
    for (const c of [0, 1]) bench.send(c, barrier)
    expect(bench.gate.readAhead()).toBe(true)
    expect(bench.channels.map((channel) => channel.isHeld())).toEqual([true, true])
    while (bench.step());
    expect(bench.processed).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
    expect(bench.channels.map((channel) => channel.isHeld())).toEqual([false, false])
  })

  it('has what it overtook processed before a newer barrier counts that came in its place', () => {
    const bench = new Bench(2)
    const next: Sent = { kind: 'barrier', checkpointId: 2, timestamp: 0 }
    bench.send(0, barrier)
    while (bench.step());
    expect(bench.overtake(1)).toBe(true)
    bench.send(0, next)
    while (bench.step());
    // Its sender has heard of the abort of the first one already.
    bench.send(1, { kind: 'records', values: ['x', 'y'] })
    bench.send(1, next)
    expect(bench.gate.readAhead()).toBe(true)
    expect(bench.aligned).toBeUndefined()
    while (bench.aligned === undefined && bench.step());
    expect(bench.aligned).toBe(2)
    expect(bench.processed).toEqual([[], ['x', 'y']])
  })

  it('keeps watermarks and statuses in their place', () => {
    const bench = new Bench(1)
    bench.overtake()
    bench.send(0, { kind: 'records', values: ['a'] })
    bench.send(0, { kind: 'watermark', time: 5 })
    bench.send(0, { kind: 'idle' })
    bench.send(0, { kind: 'records', values: ['b'] })
    bench.send(0, barrier)
    while (bench.step());
    expect(bench.logged).toEqual([['a', 'w5', 'idle', 'b']])
  })

  it('takes what still waits for its turn into the next checkpoint too, the rest of a batch before all else', () => {
    const bench = new Bench(1)
    const values = Array.from({ length: MAX_RECORDS }, (_, i) => `a${i}`)
    bench.send(0, { kind: 'records', values })
    bench.send(0, { kind: 'records', values: ['b'] })
    bench.send(0, barrier)
    bench.overtake()
    for (let i = 0; i < 4; i++) bench.step()
    expect(bench.processed[0]!.length).toBeGreaterThan(0)
    bench.send(0, { kind: 'records', values: ['c'] })
    bench.send(0, { kind: 'barrier', checkpointId: 2, timestamp: 0 })
    expect(bench.overtake(2)).toBe(true)
    const before = bench.processed[0]!.length
    expect(before).toBeLessThan(MAX_RECORDS)
    while (bench.step());
    expect(bench.logged).toEqual([[...values.slice(before), 'b', 'c']])
    expect(bench.processed).toEqual([[...values, 'b', 'c']])
  })

  it('never happens where records within a slot are none that a checkpoint can keep: they are processed all the same', () => {
    const bench = new Bench(1)
    const strange = (): string => 'strange'
    bench.send(0, { kind: 'records', values: [strange, 'a'] })
    bench.gate.poll()
    expect(bench.batch.active).toBe(true)
    expect(bench.overtake()).toBe(false)
    expect(bench.refused).toMatchObject([{ code: 'MILLRACE_VALUE' }])
    expect(bench.gate.mayOvertake(1)).toBe(false)
    bench.send(0, barrier)
    while (bench.step());
    expect(bench.processed).toEqual([[String(strange), 'a']])
    expect(bench.aligned).toBe(1)
  })
})
