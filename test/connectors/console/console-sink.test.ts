import { describe, expect, it } from 'vitest'
import { consoleSink, type ConsoleSinkOptions } from '../../../operators/connectors/console/index.js'
import type { SinkWriter } from '../../../runtime/contract/sink.js'
import { LocalMetrics } from '../../../runtime/metrics/local-metrics.js'
import { HandClock } from '../support.js'

async function open(options?: ConsoleSinkOptions) {
  const printed: string[] = []
  const warned: string[] = []
  const metrics = new LocalMetrics()
  const clock = new HandClock()
  const writer: SinkWriter<unknown> = await consoleSink(options).createWriter({
    uid: 'alerts',
    jobId: 'job',
    runId: 'run',
    subtask: 0,
    parallelism: 1,
    attempt: 1,
    epoch: 1,
    clock,
    metrics,
    print: (line) => printed.push(line),
    warn: (message) => warned.push(message),
    reject: () => undefined,
  })
  return { writer, printed, warned, counts: () => metrics.counts(), clock }
}

describe('the console sink', () => {
  it('prints each record as one line: strings as they are, all else as JSON', async () => {
    const { writer, printed } = await open()
    for (const value of [{ a: 'x\ny' }, 'plain {text}', 'two\nlines', 12n, null, undefined, { n: 1n }])
      writer.write(value, 0)
    await writer.flush(1)
    expect(printed).toEqual([
      '{"a":"x\\ny"}',
      'plain {text}',
      '"two\\nlines"',
      '"12"',
      'null',
      'undefined',
      '{"n":"1"}',
    ])
  })

  it('promises at-least-once, and commits nothing', () => {
    const sink = consoleSink()
    expect(sink.guarantee).toBe('at-least-once')
    expect(sink.createCommitter).toBeUndefined()
  })

  it('on standard error shows ten lines a second, then how many more there were, and counts all', async () => {
    const { writer, printed, warned, counts, clock } = await open({ to: 'stderr' })
    for (let i = 0; i < 25; i++) writer.write(`line ${i}`, 0)
    expect(warned).toEqual(Array.from({ length: 10 }, (_, i) => `alerts: line ${i}`))
    clock.advance(1000)
    expect(warned[10]).toBe('alerts: … 15 more')
    for (let i = 0; i < 12; i++) writer.write('x'.repeat(5000), 0)
    await writer.close?.()
    expect(warned).toHaveLength(22)
    expect(warned[11]).toMatch(/^alerts: x{1000}… \(5000 characters\)$/)
    expect(warned[21]).toBe('alerts: … 2 more')
    expect(counts()).toEqual({ consoleLines: 37, consoleLinesNotShown: 17 })
    expect(clock.pending).toBe(0)
    expect(printed).toEqual([])
  })
})
