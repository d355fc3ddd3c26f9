import { describe, expect, it } from 'vitest'
import type { Arrival } from './arrivals.js'
import { windowArrivals } from './arrivals.js'
import type { OracleKey } from './keys.js'
import { keyText } from './keys.js'
import type { RandomValue } from './random-stream.js'
import { randomStream, recordsOf } from './random-stream.js'
import type { WindowContent, Windowing } from './windows.js'
import { byKeyAndStart, windowContents } from './windows.js'

type Step = Arrival<string, number>
/** A record of key `a` whose value is its time, so that results can be read off. */
const record = (time: number, key = 'a'): Step => ({ kind: 'record', record: { key, time, value: time } })
const watermark = (time: number): Step => ({ kind: 'watermark', time })
const end = watermark(Infinity)
const tumbling = { kind: 'tumbling', sizeMs: 10 } as const
const session = { kind: 'session', gapMs: 10 } as const

function run(steps: Step[], windowing: Windowing, allowedLatenessMs = 0): { fired: unknown[]; late: number[] } {
  const { firings, late } = windowArrivals(steps, windowing, allowedLatenessMs)
  const fired = firings.map(({ start, end, values, again, at }) => [at, start, end, values.join(' '), again])
  return { fired, late: late.map(({ time }) => time) }
}

describe('windows in order of arrival', () => {
  it('fires when the watermark reaches end - 1, not before', () => {
    expect(run([record(3), watermark(8), watermark(9)], tumbling)).toEqual({
      fired: [[2, 0, 10, '3', false]],
      late: [],
    })
  })

  it('takes a record behind the watermark while its window is open', () => {
    const steps = [record(5), watermark(8), record(1), watermark(9)]
    expect(run(steps, tumbling)).toEqual({ fired: [[3, 0, 10, '5 1', false]], late: [] })
  })

  it('calls a record late once the watermark is at its window’s end - 1', () => {
    expect(run([record(5), watermark(9), record(9), record(10), end], tumbling)).toEqual({
      fired: [
        [1, 0, 10, '5', false],
        [4, 10, 20, '10', false],
      ],
      late: [9],
    })
  })

  it('fires again for each record within allowed lateness, with all there is', () => {
    const steps = [record(5), watermark(9), record(6), watermark(11), record(7), watermark(12), record(8), end]
    expect(run(steps, tumbling, 3)).toEqual({
      fired: [
        [1, 0, 10, '5', false],
        [2, 0, 10, '5 6', true],
        [4, 0, 10, '5 6 7', true],
      ],
      late: [8],
    })
  })

  it('fires at once for a first record within allowed lateness', () => {
    expect(run([watermark(10), record(5), end], tumbling, 3)).toEqual({ fired: [[1, 0, 10, '5', true]], late: [] })
  })

  it('fires once when the watermark jumps over end and lateness together', () => {
    expect(run([record(5), end], tumbling, 3)).toEqual({ fired: [[1, 0, 10, '5', false]], late: [] })
  })

  it('fires windows that one watermark passes by their ends', () => {
    expect(run([record(25), record(5), record(15), end], tumbling).fired).toEqual([
      [3, 0, 10, '5', false],
      [3, 10, 20, '15', false],
      [3, 20, 30, '25', false],
    ])
  })

  it('ignores a watermark that falls', () => {
    expect(run([watermark(20), watermark(5), record(12), end], tumbling).late).toEqual([12])
  })

  it('takes a record into those of its sliding windows that are not over, and does not call it late', () => {
    const steps = [watermark(10), record(8), end]
    expect(run(steps, { kind: 'sliding', sizeMs: 10, slideMs: 5 })).toEqual({
      fired: [[2, 5, 15, '8', false]],
      late: [],
    })
  })

  it('tells a record between windows from a late one', () => {
    const gaps = { kind: 'sliding', sizeMs: 2, slideMs: 5 } as const
    const outcome = windowArrivals([record(3), watermark(3), record(3), record(4), end], gaps)
    expect(outcome.unassigned.map(({ time }) => time)).toEqual([3, 4])
    expect(outcome.late.map(({ time }) => time)).toEqual([3])
  })

  it('keeps keys apart, however hostile', () => {
    const outcome = windowArrivals([record(1, '__proto__'), record(2, ''), record(3, '__proto__'), end], tumbling)
    expect(outcome.firings.map(({ key, values }) => [key, values])).toEqual([
      ['', [2]],
      ['__proto__', [1, 3]],
    ])
  })
})

describe('sessions in order of arrival', () => {
  it('merges [0, 10) and [10, 20), which touch', () => {
    expect(run([record(0), record(10), end], session).fired).toEqual([[2, 0, 20, '0 10', false]])
  })

  it('keeps [0, 10) and [11, 21) apart', () => {
    expect(run([record(11), record(0), end], session).fired).toEqual([
      [2, 0, 10, '0', false],
      [2, 11, 21, '11', false],
    ])
  })

  it('merges two sessions when a record comes between them', () => {
    expect(run([record(0), record(20), record(10), end], session).fired).toEqual([[3, 0, 30, '0 20 10', false]])
  })

  it('judges lateness after merging: an old record that touches an open session counts', () => {
    // Alone, [0, 10) would be over at watermark 12; merged into [0, 20) it is not.
    expect(run([record(10), watermark(12), record(0), end], session)).toEqual({
      fired: [[3, 0, 20, '10 0', false]],
      late: [],
    })
    expect(run([record(11), watermark(12), record(0), end], session).late).toEqual([0])
  })

  it('does not merge into a session that is over', () => {
    expect(run([record(0), watermark(9), record(5), end], session)).toEqual({
      fired: [
        [1, 0, 10, '0', false],
        [3, 5, 15, '5', false],
      ],
      late: [],
    })
  })

  it('starts a new session for a record that touches one that is over', () => {
    // In bound for a disorder of 5, whose watermark at 15 is 9. A complete list would give [0, 20).
    expect(run([record(0), record(15, 'b'), watermark(9), record(10), end], session)).toEqual({
      fired: [
        [2, 0, 10, '0', false],
        [4, 10, 20, '10', false],
        [4, 15, 25, '15', false],
      ],
      late: [],
    })
  })

  it('fires a session that allowed lateness kept again when it grows', () => {
    const steps = [record(0), watermark(9), record(5), watermark(14), record(1), end]
    expect(run(steps, session, 10)).toEqual({
      fired: [
        [1, 0, 10, '0', false],
        [3, 0, 15, '0 5', false],
        [4, 0, 15, '0 5 1', true],
      ],
      late: [],
    })
  })
})

describe('random streams', () => {
  const readable = (contents: readonly WindowContent<OracleKey, RandomValue>[]): unknown[] =>
    [...contents]
      .sort(byKeyAndStart)
      .map(({ key, start, end, values }) => [keyText(key), start, end, values.map(({ id }) => id).join(' ')])

  const windowings: readonly Windowing[] = [
    tumbling,
    { kind: 'tumbling', sizeMs: 50, offsetMs: -7 },
    { kind: 'sliding', sizeMs: 30, slideMs: 10 },
    { kind: 'sliding', sizeMs: 20, slideMs: 30 },
    session,
    { kind: 'session', gapMs: 50 },
  ]

  it('come to the windows of the complete list where nothing is late', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { arrivals } = randomStream(seed, { lateChance: 0, slackMs: 1 })
      for (const windowing of windowings) {
        const outcome = windowArrivals(arrivals, windowing)
        expect(outcome.late, `seed ${seed}`).toEqual([])
        expect(readable(outcome.firings), `seed ${seed}`).toEqual(
          readable(windowContents(recordsOf(arrivals), windowing)),
        )
      }
    }
  })

  it('come in the end to the tumbling windows of all records but the late ones', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { arrivals } = randomStream(seed, { lateChance: 0.3, lateByMs: 100 })
      const { firings, late } = windowArrivals(arrivals, tumbling, 25)
      const last = new Map(firings.map((firing) => [`${keyText(firing.key)} ${firing.start}`, firing]))
      const inTime = recordsOf(arrivals).filter((record) => !late.includes(record))
      expect(readable([...last.values()]), `seed ${seed}`).toEqual(readable(windowContents(inTime, tumbling)))
    }
  })

  it('put every record in exactly one place: on time, late or between windows', () => {
    let lateRecords = 0
    for (let seed = 1; seed <= 60; seed++) {
      const { arrivals } = randomStream(seed, { lateChance: 0.3, lateByMs: 100 })
      for (const windowing of windowings) {
        const { firings, late, unassigned } = windowArrivals(arrivals, windowing, seed % 3 === 0 ? 25 : 0)
        const windowed = new Set(firings.flatMap(({ values }) => values.map(({ id }) => id)))
        const ids = [...windowed, ...[...late, ...unassigned].map(({ value }) => value.id)]
        const all = recordsOf(arrivals).map(({ value }) => value.id)
        expect(
          ids.sort((a, b) => a - b),
          `seed ${seed}`,
        ).toEqual(all)
        lateRecords += late.length
      }
    }
    expect(lateRecords).toBeGreaterThan(1000)
  })
})
