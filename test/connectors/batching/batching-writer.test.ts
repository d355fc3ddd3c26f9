import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BatchingOptions,
  DELIVERED,
  Refusal,
  type SendOutcome,
} from '../../../operators/connectors/batching/batching-options.js'
import { BatchingWriter } from '../../../operators/connectors/batching/batching-writer.js'
import type { MillraceError } from '../../../runtime/contract/errors.js'
import { HeldService, settle, sinkContext, type TestSinkContext, until } from './support.js'

type Options = BatchingOptions<string, string>

function writer(
  send: Options['send'],
  over: Partial<Options> = {},
  limits: Partial<Options['limits']> = {},
  ctx: TestSinkContext = sinkContext(),
): { ctx: TestSinkContext; sink: BatchingWriter<string, string> } {
  const sink = new BatchingWriter<string, string>(ctx, {
    about: { code: 'MILLRACE_OUTPUT', resource: 'Test stream "t"', region: 'eu-west-1', permission: 'test:Put' },
    limits: { maxEntries: 4, maxRequestBytes: 40, maxInFlight: 2, ...limits },
    encode: (value) => value,
    sizeOf: (entry) => entry.length,
    random: () => 0.5,
    send,
    ...over,
  })
  return { ctx, sink }
}

function named(name: string): Error {
  return Object.assign(new Error(name), { name })
}

const retry = (reason = 'Throttled'): SendOutcome<string> => ({ kind: 'retry', reason })

describe('batches', () => {
  it('a full batch leaves at once, by count', () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send)
    for (const value of 'abcde') sink.write(value, 0)
    expect(service.log).toEqual([['a', 'b', 'c', 'd']])
  })

  it('a full batch leaves at once, by bytes, and none is over the limit', () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send)
    for (const value of ['a'.repeat(30), 'b'.repeat(8), 'c'.repeat(5)]) sink.write(value, 0)
    expect(service.log.map((batch) => batch.map((entry) => entry.length))).toEqual([[30, 8]])
  })

  it('what does not fill a batch leaves after its linger time, not before', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send, {}, { lingerMs: 100 })
    sink.write('a', 0)
    ctx.clock.advance(99)
    expect(service.log).toEqual([])
    ctx.clock.advance(1)
    expect(service.log).toEqual([['a']])
    sink.write('b', 0)
    ctx.clock.advance(100)
    expect(service.log).toEqual([['a'], ['b']])
    await settle()
  })

  it('what stays behind a full request leaves after its linger time too', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send, {}, { maxInFlight: 1, lingerMs: 100 })
    for (const value of 'abcd') sink.write(value, 0)
    ctx.clock.advance(100)
    for (const value of ['e', 'f', 'g']) sink.write(value, 0)
    ctx.clock.advance(100)
    sink.write('h'.repeat(38), 0)
    service.next().answer()
    await settle()
    service.next().answer()
    await settle()
    expect(service.log.map((batch) => batch.join('').slice(0, 4))).toEqual(['abcd', 'efg'])
    ctx.clock.advance(100)
    expect(service.log[2]).toEqual(['h'.repeat(38)])
  })

  it('no more requests than allowed are under way', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send)
    for (const value of 'abcdefghijkl') sink.write(value, 0)
    expect(service.log).toHaveLength(2)
    service.next().answer()
    await settle()
    expect(service.log).toHaveLength(3)
  })

  it('a value over the limit is rejected with its size, and the others are sent', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send, {}, { maxEntryBytes: 5 })
    sink.write('too long', 7)
    sink.write('fits', 8)
    expect(ctx.rejected).toEqual([{ value: 'too long', timestamp: 7, reason: '8 bytes, over the limit of 5 bytes' }])
    const flushed = sink.flush()
    service.next().answer()
    await flushed
    expect(service.log).toEqual([['fits']])
    expect(ctx.metrics.counter('numRecordsSendErrors').count).toBe(1)
    expect(ctx.metrics.counter('numRecordsSend').count).toBe(1)
  })

  it('a value that encode refuses is rejected with the reason', () => {
    const { ctx, sink } = writer(async () => undefined, { encode: () => new Refusal('no key') })
    sink.write('a', 3)
    expect(ctx.rejected).toEqual([{ value: 'a', timestamp: 3, reason: 'no key' }])
  })
})

describe('flush', () => {
  it('sends what is there without lingering and resolves when all of it is delivered', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send)
    for (const value of 'abcde') sink.write(value, 0)
    let flushed = false
    const flush = sink.flush().then(() => (flushed = true))
    await settle()
    expect(service.log).toEqual([['a', 'b', 'c', 'd'], ['e']])
    service.next().answer()
    await settle()
    expect(flushed).toBe(false)
    service.next().answer()
    await flush
  })

  it('does not wait for what is written after it', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send)
    sink.write('before', 0)
    const flush = sink.flush()
    sink.write('after', 0)
    service.next().answer()
    await flush
    expect(service.held.map(({ entries }) => entries)).toEqual([['after']])
  })

  it('resolves at once when there is nothing', async () => {
    const { sink } = writer(async () => undefined)
    await sink.flush()
    sink.write('a', 0)
    await sink.flush()
    await sink.flush()
  })

  it('waits for what is under way already, in whichever request', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send)
    for (const value of 'abcdefgh') sink.write(value, 0)
    service.next().answer()
    await settle()
    let flushed = false
    const flushes = [sink.flush(), sink.flush()].map((flush) => flush.then(() => (flushed = true)))
    await settle()
    expect(flushed).toBe(false)
    service.next().answer()
    await Promise.all(flushes)
  })

  it('does not resolve while an entry waits for its retry', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send)
    sink.write('a', 0)
    let flushed = false
    const flush = sink.flush().then(() => (flushed = true))
    service.next().answer([retry()])
    await settle()
    expect([flushed, service.held.length]).toEqual([false, 0])
    ctx.clock.advance(100)
    service.next().answer()
    await flush
  })
})

describe('backpressure', () => {
  it.each([
    ['entries', { maxBufferedEntries: 4 }],
    ['bytes', { maxBufferedBytes: 4 }],
  ])('the writer is busy from its most %s on, until there is room again', async (_, limits) => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send, {}, { maxEntries: 2, ...limits })
    for (const value of 'abc') sink.write(value, 0)
    expect(sink.busy()).toBeUndefined()
    sink.write('d', 0)
    const busy = sink.busy()
    expect(busy).toBeDefined()
    service.next().answer()
    await busy
    expect(sink.busy()).toBeUndefined()
  })

  it('what is less than a batch is sent when the writer is busy: nothing else would come', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send, {}, { maxBufferedEntries: 2 })
    sink.write('a', 0)
    sink.write('b', 0)
    const busy = sink.busy()
    expect(service.log).toEqual([['a', 'b']])
    service.next().answer()
    await busy
  })

  it('a failure ends the wait', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send, {}, { maxBufferedEntries: 1 })
    sink.write('a', 0)
    const busy = sink.busy()
    service.next().fail(named('AccessDeniedException'))
    await expect(busy).rejects.toThrow('Test stream "t": access denied')
    expect(() => sink.busy()).toThrow('access denied')
    expect(() => sink.write('b', 0)).toThrow('access denied')
    await expect(sink.flush()).rejects.toThrow('access denied')
  })
})

describe('partial failures', () => {
  it('only what was not taken is sent again, with the reason counted', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send)
    for (const value of 'abcd') sink.write(value, 0)
    service.next().answer([DELIVERED, retry(), DELIVERED, retry()])
    await settle()
    ctx.clock.advance(1000)
    expect(service.log).toEqual([
      ['a', 'b', 'c', 'd'],
      ['b', 'd'],
    ])
    service.next().answer()
    await sink.flush()
    expect(ctx.metrics.counter('numRecordsSendRetries').count).toBe(2)
    expect(ctx.metrics.counter('numRecordsSend').count).toBe(4)
  })

  it('an entry refused for good is rejected, once, before the flush resolves', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send)
    sink.write('a', 1)
    sink.write('b', 2)
    const flush = sink.flush()
    service.next().answer([{ kind: 'refused', reason: 'bad' }, DELIVERED])
    await flush
    expect(ctx.rejected).toEqual([{ value: 'a', timestamp: 1, reason: 'bad' }])
  })

  it('waits grow with each attempt, at random', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send, { backoff: { baseMs: 100, maxMs: 1_000 }, random: () => 0.999 })
    sink.write('a', 0)
    const flush = sink.flush()
    const waits: number[] = []
    for (let attempt = 0; attempt < 6; attempt++) {
      service.next().answer([retry()])
      await settle()
      let ms = 0
      while (service.held.length === 0) {
        ctx.clock.advance(50)
        ms += 50
      }
      waits.push(ms)
    }
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000])
    service.next().answer()
    await flush
  })

  it('an entry may be replaced by what is left of it', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send)
    sink.write('abcdef', 0)
    const flush = sink.flush()
    service.next().answer([{ kind: 'retry', reason: 'rest', entry: 'ef', throttled: false, failed: false }])
    await settle()
    ctx.clock.advance(100)
    expect(service.log).toEqual([['abcdef'], ['ef']])
    service.next().answer()
    await flush
    expect(ctx.metrics.counter('numRecordsSendRetries').count).toBe(0)
  })
})

describe('failures of whole requests', () => {
  it.each([
    ['throttling', named('ThrottlingException')],
    ['a time-out', named('TimeoutError')],
    ['a 500', Object.assign(named('InternalFailure'), { $metadata: { httpStatusCode: 500 } })],
    ['a dropped connection', Object.assign(new Error('socket'), { code: 'ECONNRESET' })],
    ['a skewed clock', named('RequestTimeTooSkewed')],
  ])('after %s everything is sent again', async (_, error) => {
    const requests: (readonly string[])[] = []
    const { ctx, sink } = writer(async (entries) => {
      requests.push(entries)
      if (requests.length === 1) throw error
      return undefined
    })
    for (const value of 'abcd') sink.write(value, 0)
    await until(sink.flush(), ctx.clock)
    expect(requests[0]).toEqual(['a', 'b', 'c', 'd'])
    expect(requests.slice(1).flat()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('a service that takes nothing is asked ever more rarely, not by one request after the other', async () => {
    let requests = 0
    const { ctx, sink } = writer(async () => {
      requests++
      throw named('ServiceUnavailableException')
    })
    for (let i = 0; i < 1000; i++) sink.write(String(i), 0)
    const startMs = ctx.clock.now()
    await until(sink.flush(), ctx.clock).catch(() => undefined)
    const minutes = (ctx.clock.now() - startMs) / 60_000
    expect(minutes).toBeGreaterThanOrEqual(10)
    expect(requests / minutes).toBeLessThan(70)
  })

  it('what will not pass fails the job once, naming the resource, the region and the permission', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send)
    sink.write('a', 0)
    const flush = sink.flush()
    service.next().fail(named('AccessDeniedException'))
    const error = await flush.catch((error: unknown) => error as MillraceError)
    expect(error).toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'Test stream "t": access denied (AccessDeniedException)',
      hint: "the credentials' role must allow test:Put on it",
    })
  })

  it('an answer for fewer entries than were sent fails the job: nobody knows which were taken', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send)
    sink.write('a', 0)
    sink.write('b', 0)
    const flush = sink.flush()
    service.next().answer([DELIVERED])
    await expect(flush).rejects.toThrow('answered for 1 of 2 records')
  })

  it('an entry that spoils a request is found by halves and rejected; the others arrive', async () => {
    const delivered: string[] = []
    const send = async (entries: readonly string[]): Promise<undefined> => {
      if (entries.includes('poison')) throw named('ValidationException')
      delivered.push(...entries)
    }
    const refusalOf = (error: unknown): string | undefined =>
      (error as Error).name === 'ValidationException' ? 'not valid' : undefined
    const { ctx, sink } = writer(send, { refusalOf }, { maxEntries: 8 })
    for (const value of ['a', 'b', 'poison', 'c', 'd', 'e', 'poison', 'f']) sink.write(value, 0)
    await sink.flush()
    expect(delivered.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(ctx.rejected.map(({ value, reason }) => [value, reason])).toEqual([
      ['poison', 'not valid'],
      ['poison', 'not valid'],
    ])
  })
})

describe('outages', () => {
  it('one that lasts fails the job after the stated time, and warns before that, rarely', async () => {
    const down = async (): Promise<undefined> => {
      throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' })
    }
    const { ctx, sink } = writer(down, { giveUpMs: 300_000 })
    sink.write('a', 0)
    const startMs = ctx.clock.now()
    const error = await until(sink.flush(), ctx.clock).catch((error: unknown) => error as MillraceError)
    expect(error).toMatchObject({ code: 'MILLRACE_OUTPUT' })
    expect((error as MillraceError).message).toMatch(
      /^Test stream "t": a record could not be delivered for 30\d s; the service says ECONNREFUSED$/,
    )
    expect(ctx.clock.now() - startMs).toBeGreaterThanOrEqual(300_000)
    expect(ctx.clock.now() - startMs).toBeLessThan(320_000)
    expect(ctx.warnings.length).toBeGreaterThan(2)
    expect(ctx.warnings.length).toBeLessThan(7)
    expect(ctx.warnings[0]).toMatch(
      /records could not be delivered for 1\d s \(ECONNREFUSED\); trying for 300 s in all/,
    )
  })

  it('one that ends loses nothing and fails nothing', async () => {
    const ctx = sinkContext()
    const endMs = ctx.clock.now() + 250_000
    const delivered: string[] = []
    const send = async (entries: readonly string[]): Promise<undefined> => {
      if (ctx.clock.now() < endMs) throw named('TimeoutError')
      delivered.push(...entries)
    }
    const { sink } = writer(send, { giveUpMs: 300_000 }, {}, ctx)
    for (const value of 'abcdefghij') sink.write(value, 0)
    await until(sink.flush(), ctx.clock)
    expect(delivered.toSorted()).toEqual([...'abcdefghij'])
  })
})

describe('throttling', () => {
  it('halves what is under way, once an episode, and it grows again', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send, {}, { maxEntries: 100, maxInFlight: 4, maxRequestBytes: 1e6 })
    for (let i = 0; i < 1000; i++) sink.write('x', 0)
    expect(service.log.map((batch) => batch.length)).toEqual([100, 100, 100, 100])
    // All four meet the same wall: that is one episode, not four.
    for (let i = 0; i < 4; i++) service.next().answer(Array.from({ length: 100 }, () => retry()))
    await settle()
    const underWay = (): number => service.held.reduce((sum, { entries }) => sum + entries.length, 0)
    ctx.clock.advance(200)
    expect(underWay()).toBe(200)
    for (let i = 0; i < 2; i++) service.next().answer(Array.from({ length: 100 }, () => retry()))
    await settle()
    ctx.clock.advance(200)
    expect(underWay()).toBe(100)
    for (let i = 0; i < 10; i++) {
      for (const request of service.held.splice(0)) request.answer()
      await settle()
    }
    for (let i = 0; i < 500; i++) sink.write('x', 0)
    expect(underWay()).toBeGreaterThan(100)
  })
})

describe('order within a key', () => {
  const byFirstLetter = { orderKey: (entry: string) => entry[0]! }

  it('of a key, one entry at a time is under way', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send, byFirstLetter)
    for (const value of ['a1', 'a2', 'b1', 'a3', 'b2', 'c1']) sink.write(value, 0)
    const flush = sink.flush()
    expect(service.log).toEqual([['a1', 'b1', 'c1']])
    service.next().answer([retry(), DELIVERED, DELIVERED])
    await settle()
    expect(service.log.slice(1)).toEqual([['b2']])
    service.next().answer()
    await settle()
    ctx.clock.advance(100)
    expect(service.log.slice(2)).toEqual([['a1']])
    service.next().answer()
    await settle()
    expect(service.log.slice(3)).toEqual([['a2']])
    service.next().answer()
    await settle()
    service.next().answer()
    await flush
    expect(service.log.slice(4)).toEqual([['a3']])
  })

  it('the next of a key leaves as soon as the one before it is delivered, without lingering', async () => {
    const service = new HeldService<string>()
    const { ctx, sink } = writer(service.send, byFirstLetter, { lingerMs: 100 })
    sink.write('a1', 0)
    sink.write('a2', 0)
    ctx.clock.advance(100)
    service.next().answer()
    await settle()
    expect(service.log).toEqual([['a1'], ['a2']])
  })

  it('one that is rejected lets the next pass', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send, byFirstLetter)
    sink.write('a1', 0)
    sink.write('a2', 0)
    const flush = sink.flush()
    service.next().answer([{ kind: 'refused', reason: 'bad' }])
    await settle()
    service.next().answer()
    await flush
    expect(service.log).toEqual([['a1'], ['a2']])
  })

  it('with lastWins, of several that wait the last is sent, and the flush waits for it', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send, { ...byFirstLetter, lastWins: true })
    for (const value of ['a1', 'a2', 'a3', 'a4']) sink.write(value, 0)
    let flushed = false
    const flush = sink.flush().then(() => (flushed = true))
    service.next().answer()
    await settle()
    expect([service.log, flushed]).toEqual([[['a1'], ['a4']], false])
    service.next().answer()
    await flush
  })
})

describe('whatever a service does', () => {
  it('every value is delivered or rejected exactly once when it answers truly, in order within each key', async () => {
    const scenario = fc.record({
      values: fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), size: fc.integer({ min: 1, max: 12 }) }), {
        minLength: 1,
        maxLength: 80,
      }),
      answers: fc.array(fc.constantFrom('ok', 'ok', 'ok', 'some', 'throttle', 'drop', 'refuse-first'), {
        maxLength: 60,
      }),
      flushEvery: fc.integer({ min: 1, max: 30 }),
      ordered: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ values, answers, flushEvery, ordered }) => {
        const delivered: string[] = []
        const script = [...answers]
        const send = async (entries: readonly string[]): Promise<SendOutcome<string>[] | undefined> => {
          expect(entries.length).toBeLessThanOrEqual(4)
          expect(entries.reduce((sum, entry) => sum + entry.length, 0)).toBeLessThanOrEqual(40)
          if (ordered) expect(new Set(entries.map((entry) => entry[0])).size).toBe(entries.length)
          const answer = script.shift() ?? 'ok'
          if (answer === 'throttle') throw named('ThrottlingException')
          if (answer === 'drop') throw Object.assign(new Error('dropped'), { code: 'ECONNRESET' })
          const outcomes = entries.map((_, i): SendOutcome<string> => {
            if (answer === 'some' && i % 2 === 0) return retry()
            return answer === 'refuse-first' && i === 0 ? { kind: 'refused', reason: 'no' } : DELIVERED
          })
          outcomes.forEach(({ kind }, i) => {
            if (kind === 'delivered') delivered.push(entries[i]!)
          })
          return answer === 'ok' ? undefined : outcomes
        }
        const { ctx, sink } = writer(send, ordered ? { orderKey: (entry) => entry[0]! } : {})
        const written = values.map(({ key, size }, i) => `${key}${i}:`.padEnd(size, '.'))
        for (const [i, value] of written.entries()) {
          sink.write(value, i)
          if (i % flushEvery === flushEvery - 1) {
            await until(sink.flush(), ctx.clock)
            expect(delivered.length + ctx.rejected.length).toBe(i + 1)
          }
        }
        await until(sink.flush(), ctx.clock)
        const settled = [...delivered, ...ctx.rejected.map(({ value }) => value as string)]
        expect(settled.toSorted()).toEqual(written.toSorted())
        if (!ordered) return
        for (const key of 'abc') {
          const places = delivered.filter((entry) => entry[0] === key).map((entry) => parseInt(entry.slice(1), 10))
          expect(places).toEqual(places.toSorted((a, b) => a - b))
        }
      }),
      { numRuns: 150 },
    )
  })
})

describe('close', () => {
  it('waits for requests under way, so that none lands behind those of the next attempt', async () => {
    const service = new HeldService<string>()
    const { sink } = writer(service.send)
    for (const value of 'abcd') sink.write(value, 0)
    let closed = false
    const close = sink.close().then(() => (closed = true))
    await settle()
    expect(closed).toBe(false)
    service.next().answer()
    await close
  })

  it('gives up on them after a while, and aborts them', async () => {
    let aborted: AbortSignal | undefined
    const { ctx, sink } = writer((_, signal) => {
      aborted = signal
      return new Promise(() => undefined)
    })
    for (const value of 'abcd') sink.write(value, 0)
    await until(sink.close(), ctx.clock)
    expect(aborted?.aborted).toBe(true)
  })

  it('sends nothing any more and leaves no timer', async () => {
    const service = new HeldService<string>()
    let released = false
    const { ctx, sink } = writer(service.send, { close: () => void (released = true) })
    sink.write('a', 0)
    await sink.close()
    expect([service.log, ctx.clock.pending, released]).toEqual([[], 0, true])
  })
})
