import type { CombinerSpec } from '../../runtime/contract/combiner.js'
import { MillraceError } from '../../runtime/contract/errors.js'
import type { Key } from '../../runtime/contract/key.js'
import type { Aggregator } from '../../runtime/contract/state.js'
import type { ReduceFunction } from '../process/keyed-reduce.js'
import { requireAggregator } from '../process/state-declaration.js'
import { atOf, requireFunction } from '../process/user-function.js'
import type { AccumulatorSchema } from '../windows/aggregator.js'
import type { WindowAssigner } from '../windows/assigner.js'
import type { Contents } from '../windows/contents.js'
import { LATE_TAG } from '../windows/late-records.js'
import { paneState } from '../windows/pane-state.js'
import {
  aggregateContents,
  listContents,
  reduceContents,
  type WindowFunction,
  type WindowResultFunction,
} from '../windows/window-contents.js'
import { windowCombiner } from '../windows/window-combiner.js'
import { windowOperator } from '../windows/window-operator.js'
import { CallSite } from './call-site.js'
import { durationMs, type Duration } from './duration.js'
import type { Port } from './transformation.js'
import type { OutputTag } from './output-tag.js'
import type { StreamFactory } from './stream-factory.js'
import type { WindowResultStream, WindowedStream } from './streams.js'

/** Windows that only lack what to compute. It does not change: its methods return another one. */
export class BuiltWindowedStream<K extends Key, T> implements WindowedStream<K, T> {
  private readonly factory: StreamFactory
  private readonly ports: readonly Port[]
  private readonly assigner: WindowAssigner
  private readonly latenessMs: number
  private readonly lateTag: string

  constructor(
    factory: StreamFactory,
    ports: readonly Port[],
    assigner: WindowAssigner,
    { latenessMs = 0, lateTag = LATE_TAG }: { readonly latenessMs?: number; readonly lateTag?: string } = {},
  ) {
    this.factory = factory
    this.ports = ports
    this.assigner = assigner
    this.latenessMs = latenessMs
    this.lateTag = lateTag
  }

  allowedLateness(lateness: Duration): this {
    return this.with({ latenessMs: durationMs(lateness, 'allowedLateness()'), lateTag: this.lateTag })
  }

  sideOutputLateData(tag: OutputTag<T>): this {
    return this.with({ latenessMs: this.latenessMs, lateTag: tag.name })
  }

  aggregate<Acc, Result>(aggregator: Aggregator<T, Acc, Result> & AccumulatorSchema): WindowResultStream<Result, T>
  aggregate<Acc, Result, Out>(
    aggregator: Aggregator<T, Acc, Result> & AccumulatorSchema,
    fn: WindowResultFunction<K, Result, Out>,
  ): WindowResultStream<Out, T>
  aggregate<Acc, Result, Out>(
    aggregator: Aggregator<T, Acc, Result> & AccumulatorSchema,
    fn?: WindowResultFunction<K, Result, Out>,
  ): WindowResultStream<Out, T> {
    const site = new CallSite()
    requireAggregator(aggregator, 'the aggregator of aggregate()', site)
    if (this.assigner.kind === 'session' && aggregator.merge === undefined) {
      throw new MillraceError('MILLRACE_GRAPH', 'the aggregator of a session window has no merge()', {
        hint: 'sessions grow together: merge(a, b) makes one accumulator of two',
        ...atOf(site),
      })
    }
    return this.operator(aggregateContents(aggregator, checked(fn, 'aggregate()', site)), site)
  }

  reduce(fn: ReduceFunction<T>): WindowResultStream<T, T>
  reduce<Out>(fn: ReduceFunction<T>, result: WindowResultFunction<K, T, Out>): WindowResultStream<Out, T>
  reduce<Out>(fn: ReduceFunction<T>, result?: WindowResultFunction<K, T, Out>): WindowResultStream<Out, T> {
    const site = new CallSite()
    requireFunction(fn, 'the first argument of reduce()', site)
    return this.operator(reduceContents(fn, checked(result, 'reduce()', site)), site)
  }

  apply<Out = T>(fn: WindowFunction<K, T, Out>): WindowResultStream<Out, T> {
    const site = new CallSite()
    requireFunction(fn, 'the argument of apply()', site)
    return this.operator(listContents(fn as WindowFunction<Key, T, unknown>), site)
  }

  process<Out = T>(fn: WindowFunction<K, T, Out>): WindowResultStream<Out, T> {
    const site = new CallSite()
    requireFunction(fn, 'the argument of process()', site)
    return this.operator(listContents(fn as WindowFunction<Key, T, unknown>), site)
  }

  private operator<Acc, Out>(contents: Contents<T, Acc>, place: CallSite): WindowResultStream<Out, T> {
    const { assigner, latenessMs, lateTag } = this
    const spec = { contents, latenessMs, lateTag, place }
    const states = [paneState(assigner, latenessMs, contents)]
    const combine = windowCombiner(assigner, spec)
    const inputs = this.ports.map((port) => ({ port: combined(port, combine), input: 0 as const }))
    const work = { keyed: true, states, create: () => windowOperator(assigner, spec) }
    return this.factory.operator<Out, T>(`${assigner.kind} window`, inputs, work, place, {}, lateTag)
  }

  private with(options: { readonly latenessMs: number; readonly lateTag: string }): this {
    return new BuiltWindowedStream<K, T>(this.factory, this.ports, this.assigner, options) as this
  }
}

/** MILLRACE_GRAPH for what `tumbling()`, `sliding()` and `session()` did not make. */
export function requireAssigner(assigner: unknown, site: CallSite): void {
  const kind = (assigner as Partial<WindowAssigner> | null | undefined)?.kind
  if (kind === 'tumbling' || kind === 'sliding' || kind === 'session') return
  throw new MillraceError('MILLRACE_GRAPH', 'the argument of window() says no windows', {
    hint: 'use tumbling(size), sliding(size, slide) or session(gap)',
    ...atOf(site),
  })
}

function combined(port: Port, combine: CombinerSpec | undefined): Port {
  const { partitioning } = port
  if (combine === undefined || partitioning.kind !== 'hash') return port
  return { ...port, partitioning: { ...partitioning, combine } }
}

function checked<K, Result, Out>(
  fn: WindowResultFunction<K, Result, Out> | undefined,
  what: string,
  site: CallSite,
): WindowResultFunction<Key, Result, unknown> | undefined {
  if (fn !== undefined) requireFunction(fn, `the second argument of ${what}`, site)
  return fn as WindowResultFunction<Key, Result, unknown> | undefined
}
