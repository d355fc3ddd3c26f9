import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { GraphNode } from '../../runtime/contract/graph.js'
import { formatBytes, formatCount, formatMs, formatWatermark } from '../../runtime/cli/format.js'
import { totalsOf } from '../../runtime/cli/job-report.js'
import { jsonLog, textLog } from '../../runtime/cli/log.js'
import { Progress } from '../../runtime/cli/progress.js'
import { Screen } from '../../runtime/cli/screen.js'
import { WarningLimit } from '../../runtime/cli/warnings.js'

const graph = {
  nodes: [
    { kind: 'source', uid: 'in' },
    { kind: 'operator', uid: 'windows' },
    { kind: 'sink', uid: 'out' },
    { kind: 'sink', uid: 'late' },
  ] as unknown as GraphNode[],
}

function world(level: 'info' | 'debug' = 'info'): { progress: Progress; out: string[]; err: string[] } {
  const out: string[] = []
  const err: string[] = []
  const stream = (lines: string[]) => ({ write: (text: string) => lines.push(...text.trimEnd().split('\n')) > 0 })
  const screen = new Screen(stream(out), stream(err))
  const progress = new Progress({
    jobId: 'wind',
    graph,
    screen,
    log: textLog(screen, level),
    live: false,
    now: () => Date.now(),
  })
  return { progress, out, err }
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('plain progress', () => {
  it('says once a second what changed, with rates of that second, and nothing while nothing changes', () => {
    const { progress, err } = world()
    progress.started({ attempt: 1, from: undefined, parallelism: 2 })
    progress.start()
    progress.progress({ counters: { in: { numRecordsIn: 0 } }, watermark: -Infinity })
    vi.advanceTimersByTime(500)
    progress.progress({
      counters: { in: { numRecordsIn: 3000, numInvalidRecords: 2 }, out: { numRecordsOut: 10 } },
      watermark: 0,
    })
    vi.advanceTimersByTime(500)
    progress.checkpoint({
      checkpointId: 1,
      reason: 'periodic',
      path: 'manifests/1',
      durationMs: 12,
      writtenBytes: 2048,
      inFlightBytes: 0,
      stateBytes: 2048,
      counters: {},
    })
    vi.advanceTimersByTime(5000)
    progress.end()
    expect(err).toEqual([
      '1 s  in 3,000 (3,000/s)  out 10 (10/s)  invalid 2  watermark 1970-01-01T00:00:00.000Z  no checkpoint yet',
      '2 s  in 3,000 (0/s)  out 10 (0/s)  invalid 2  watermark 1970-01-01T00:00:00.000Z  checkpoint 1 (12 ms, 2.0 KB)',
    ])
  })

  it('what a restored job had done before is not counted into a rate', () => {
    const { progress, err } = world()
    progress.started({ attempt: 1, from: '/c/manifests/7.json', parallelism: 2 })
    progress.start()
    vi.advanceTimersByTime(100)
    progress.progress({ counters: { in: { numRecordsIn: 1_000_000 } }, watermark: 0 })
    vi.advanceTimersByTime(900)
    expect(err[0]).toBe('wind goes on from its checkpoint /c/manifests/7.json')
    expect(err[1]).toContain('in 1,000,000 (0/s)')
  })

  it('a failure that is tried again is a warning with its place, a final one is left to the result', () => {
    const { progress, err } = world()
    const failure = { error: { code: 'MILLRACE_USER' as const, message: 'broken', at: '/j.ts:1:2' }, atMs: 0 }
    progress.failed(failure, 50)
    progress.failed(failure, undefined)
    expect(err).toEqual(['warning: MILLRACE_USER: broken (at /j.ts:1:2); tries again in 50 ms'])
  })
})

it("warnings of an operator are shown twenty a second, the rest is counted; another operator's are its own", () => {
  const shown: string[] = []
  const limit = new WarningLimit(
    () => Date.now(),
    (uid, message) => shown.push(`${uid} ${message}`),
  )
  for (let i = 0; i < 50; i++) limit.add('a', `w${i}`)
  limit.add('b', 'other')
  expect(shown).toHaveLength(21)
  vi.advanceTimersByTime(1000)
  limit.tell(false)
  expect(shown.at(-1)).toBe('a … 30 more warnings')
  limit.add('a', 'again')
  expect(shown.at(-1)).toBe('a again')
})

it('a warning that names its operator is not named twice', () => {
  const { progress, err } = world()
  progress.warn('late', 'late: {"a":1}')
  progress.warn('in', 'a file vanished')
  expect(err).toEqual(['warning: late: {"a":1}', 'warning: in: a file vanished'])
})

describe('log levels and formats', () => {
  it('shows what is at least as grave as asked for', () => {
    const lines: string[] = []
    const screen = new Screen({ write: () => true }, { write: (text) => lines.push(text) > 0 })
    for (const level of ['debug', 'info', 'warn', 'error', 'silent'] as const) {
      const log = textLog(screen, level)
      log.debug('d')
      log.info('i')
      log.warn('w')
      log.error('e')
      lines.push('|')
    }
    expect(lines.join('').replaceAll('\n', ' ')).toBe(
      'debug: d i warning: w error: e |i warning: w error: e |warning: w error: e |error: e ||',
    )
  })

  it('json: one object a line, with the fields', () => {
    const lines: string[] = []
    const log = jsonLog(new Screen({ write: () => true }, { write: (text) => lines.push(text) > 0 }), 'info')
    log.debug('not this')
    log.warn('late records', { uid: 'late' })
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { level: 'warn', time: new Date(1_000_000).toISOString(), pid: process.pid, uid: 'late', msg: 'late records' },
    ])
  })
})

it('totals: in from sources, out to all sinks, late from whoever dropped them; strangers are left out', () => {
  const counters = {
    in: { numRecordsIn: 5, numInvalidRecords: 1 },
    windows: { numRecordsIn: 100, numRecordsOut: 100, numLateRecordsDropped: 2 },
    out: { numRecordsOut: 3 },
    late: { numRecordsOut: 4 },
    gone: { numRecordsIn: 7 },
  }
  expect(totalsOf(counters, graph)).toEqual({ recordsIn: 5, recordsOut: 7, lateRecordsDropped: 2, invalidRecords: 1 })
})

it('numbers for people', () => {
  expect([formatCount(1234567.4), formatMs(34.4), formatMs(1234), formatMs(125_000)]).toEqual([
    '1,234,567',
    '34 ms',
    '1.2 s',
    '2 min 5 s',
  ])
  expect([formatBytes(5), formatBytes(3 * 2 ** 20), formatBytes(2 ** 50)]).toEqual(['5 B', '3.0 MB', '1024.0 TB'])
  expect([formatWatermark(-Infinity), formatWatermark(Infinity), formatWatermark(-(2 ** 63))]).toEqual([
    '-',
    'end of input',
    '-',
  ])
})
