// Job graphs for tests of single operators: a source that is never read, and a sink that is never written to.
import { BuiltEnvironment } from '../../operators/api/environment.js'
import type { Stream } from '../../operators/api/streams.js'
import type { JobGraph } from '../../runtime/contract/graph.js'
import type { Sink } from '../../runtime/contract/sink.js'
import type { Source } from '../../runtime/contract/source.js'

/** A source for graphs only. */
export function unreadSource<T>(): Source<T> {
  const unread = (): never => {
    throw new Error('this source is not read')
  }
  return { name: 'unread', bounded: true, describe: 'unread', createEnumerator: unread, createReader: unread }
}

/** A sink for graphs only. */
export function unwrittenSink<T>(): Sink<T> {
  const unwritten = (): never => {
    throw new Error('this sink is not written to')
  }
  return { name: 'unwritten', guarantee: 'exactly-once', describe: 'unwritten', createWriter: unwritten }
}

/** The graph of a stream made of one source. */
export function graphOf<T>(make: (records: Stream<T>) => Stream<unknown>): JobGraph {
  const env = new BuiltEnvironment()
  make(env.fromSource(unreadSource<T>(), { uid: 'records' })).sinkTo(unwrittenSink(), { uid: 'sink' })
  return env.build()
}

/** The graph of a stream made of two sources. */
export function graphOfTwo<L, R>(make: (left: Stream<L>, right: Stream<R>) => Stream<unknown>): JobGraph {
  const env = new BuiltEnvironment()
  const left: Stream<L> = env.fromSource(unreadSource<L>(), { uid: 'left' })
  const right: Stream<R> = env.fromSource(unreadSource<R>(), { uid: 'right' })
  make(left, right).sinkTo(unwrittenSink(), { uid: 'sink' })
  return env.build()
}
