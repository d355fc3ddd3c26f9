import { onTestFinished } from 'vitest'
import type { Sink, SinkWriter } from '../../../runtime/contract/sink.js'
import type { Clock } from '../../../runtime/contract/time.js'
import { sinkContext, sinkContextOn, systemClock, type TestSinkContext, until } from './support.js'

/** A sink's writer on a clock that the test moves. */
export interface OpenedSink<T> {
  readonly ctx: TestSinkContext
  readonly writer: SinkWriter<T>
  /** Moves the clock until everything written is delivered or rejected. */
  flush(): Promise<void>
}

export async function openSink<T>(sink: Sink<T>, over: Partial<TestSinkContext> = {}): Promise<OpenedSink<T>> {
  const ctx = sinkContext(over)
  const writer = await sink.createWriter(ctx)
  onTestFinished(async () => writer.close?.())
  return { ctx, writer, flush: () => until(Promise.resolve(writer.flush(1)), ctx.clock) }
}

/** A sink's writer on the real clock, for tests against a real service. */
export async function openRealSink<T>(
  sink: Sink<T>,
): Promise<{ readonly ctx: TestSinkContext<Clock>; readonly writer: SinkWriter<T> }> {
  const ctx = sinkContextOn(systemClock)
  const writer = await sink.createWriter(ctx)
  onTestFinished(async () => writer.close?.())
  return { ctx, writer }
}

/** Runs a sink's check. */
export function checkOf(sink: Sink<never>): Promise<void> {
  return sink.check!({ uid: 'out', jobId: 'job', warn: () => undefined })
}
