import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BatchingOptions, SendOutcome } from '../../../operators/connectors/batching/batching-options.js'
import type { SinkWriterContext } from '../../../runtime/contract/sink.js'
import type { Clock } from '../../../runtime/contract/time.js'
import { LocalMetrics } from '../../../runtime/metrics/local-metrics.js'
import { HandClock } from '../support.js'

export interface Rejected {
  readonly value: unknown
  readonly timestamp: number
  readonly reason: string
}

/** A writer's context whose clock stands until it is moved, and what the writer told it. */
export interface TestSinkContext<C extends Clock = HandClock> extends SinkWriterContext {
  readonly clock: C
  readonly metrics: LocalMetrics
  readonly rejected: Rejected[]
  readonly warnings: string[]
}

export function sinkContext(over: Partial<TestSinkContext> = {}): TestSinkContext {
  return sinkContextOn(new HandClock(), over)
}

/** The same on another clock. */
export function sinkContextOn<C extends Clock>(clock: C, over: Partial<TestSinkContext<C>> = {}): TestSinkContext<C> {
  const rejected: Rejected[] = []
  const warnings: string[] = []
  return {
    uid: 'out',
    jobId: 'job',
    runId: 'run',
    subtask: 0,
    parallelism: 1,
    attempt: 1,
    epoch: 1,
    clock,
    metrics: new LocalMetrics(),
    rejected,
    warnings,
    print: () => undefined,
    warn: (message) => warnings.push(message),
    reject: (value, timestamp, reason) => rejected.push({ value, timestamp, reason }),
    ...over,
  }
}

/** The real one, for tests against a real service. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout(callback, delayMs) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

/** Lets everything that can go on without the clock go on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await nextTurn()
}

/** Moves the clock in steps until the promise is settled; rejects as it does. */
export async function until<T>(promise: Promise<T>, clock: HandClock, stepMs = 50, mostMs = 3_600_000): Promise<T> {
  let done = false
  const note = (): void => {
    done = true
  }
  promise.then(note, note)
  await settle()
  for (let ms = 0; !done && ms < mostMs; ms += stepMs) {
    clock.advance(stepMs)
    await settle()
  }
  if (!done) throw new Error(`not settled after ${mostMs} ms`)
  return promise
}

/** A request that a scripted service holds until the test answers it. */
export interface HeldRequest<Entry> {
  readonly entries: readonly Entry[]
  answer(outcomes?: readonly SendOutcome<Entry>[]): void
  fail(error: unknown): void
}

/** A service that answers when it is told to. */
export class HeldService<Entry> {
  readonly held: HeldRequest<Entry>[] = []
  readonly log: (readonly Entry[])[] = []

  readonly send: BatchingOptions<never, Entry>['send'] = (entries) => {
    this.log.push([...entries])
    return new Promise((resolve, reject) => {
      this.held.push({ entries, answer: resolve, fail: reject })
    })
  }

  next(): HeldRequest<Entry> {
    const request = this.held.shift()
    if (request === undefined) throw new Error('no request is under way')
    return request
  }
}
