import { MillraceError } from '../../runtime/contract/errors.js'
import type { JobGraph } from '../../runtime/contract/graph.js'
import type { RejectedRecord, Sink } from '../../runtime/contract/sink.js'
import type { Decoder, RawRecord, Source, WatermarkStrategy } from '../../runtime/contract/source.js'
import { atOf, requireFunction } from '../process/user-function.js'
import { CallSite } from './call-site.js'
import { GraphBuilder } from './graph-builder.js'
import { BuiltKeyedStream } from './keyed-stream.js'
import type { AnyOperator, OperatorWork, StreamFactory } from './stream-factory.js'
import { BuiltStream } from './stream.js'
import type { Port, PortInput } from './transformation.js'
import type { OperatorOptions, SinkOptions, SinkResult, SourceStream, Stream, WindowResultStream } from './streams.js'
import { requireUid } from './uids.js'
import { noWatermarks, type TimestampOf } from './watermarks.js'

/** The side output of what a sink could not write. */
const REJECTED_TAG = 'rejected'

/** What a source is told besides where to read. */
export interface SourceOptions<T> {
  /** Its position is found by it after a restart. */
  readonly uid: string
  readonly name?: string
  /** A record's event time, epoch milliseconds. Default: that of the watermark strategy, else the source's own. */
  readonly timestamp?: TimestampOf<T>
  /** How event time moves. Default: only at the end of a bounded input. */
  readonly watermarks?: WatermarkStrategy<T>
}

/** Where a job begins: handed to `defineJob`'s build function. */
export interface StreamEnvironment {
  /**
   * The records of a source whose records are values already. (A source of raw bytes needs `decode`.)
   */
  fromSource<T>(
    source: Source<T> & ([T] extends [RawRecord] ? never : unknown),
    options: SourceOptions<T>,
  ): SourceStream<T>
  /** The records of a source, decoded; those that do not decode are the stream's `invalid`. */
  fromSource<Raw, T>(
    source: Source<Raw>,
    options: SourceOptions<NoInfer<T>> & { readonly decode: Decoder<Raw, T> },
  ): SourceStream<T>
}

/** A {@link StreamEnvironment} and the graph that comes of it. */
export class BuiltEnvironment implements StreamEnvironment, StreamFactory {
  private readonly graph = new GraphBuilder()

  fromSource<Raw, T>(
    source: Source<Raw>,
    options: SourceOptions<T> & { readonly decode?: Decoder<Raw, T> },
  ): SourceStream<T> {
    const site = new CallSite()
    requireMethod(source, 'createReader', 'the first argument of fromSource() is no source', site)
    const { uid, name, decode } = (options as typeof options | undefined) ?? {}
    requireUid(uid, `the source ${source.name}`, site)
    if (decode !== undefined) requireMethod(decode, 'decode', '`decode` of fromSource() is no decoder', site)
    const from = this.graph.add(
      'source',
      [],
      {
        kind: 'source',
        source: source as unknown as Source<never>,
        ...(decode === undefined ? {} : { decoder: decode }),
        watermarks: strategy(options, site),
      },
      site,
      { ...(uid === undefined ? {} : { uid }), name: name ?? source.name },
    )
    return new BuiltStream<T>(this, [{ from, partitioning: { kind: 'forward' } }], from)
  }

  /** The finished graph. */
  build(): JobGraph {
    return this.graph.build()
  }

  stream<T>(ports: readonly Port[]): Stream<T> {
    return new BuiltStream<T>(this, ports)
  }

  operator<Out, T = never>(
    what: string,
    inputs: readonly PortInput[],
    { keyed, states, operatorStates = [], create, check }: OperatorWork,
    site: CallSite,
    options: OperatorOptions = {},
    lateTag?: string,
  ): WindowResultStream<Out, T> {
    if (options.uid !== undefined) requireUid(options.uid, `the ${what}`, site)
    const work = {
      kind: 'operator' as const,
      keyed,
      states,
      operatorStates,
      create: create as () => AnyOperator,
      ...(check === undefined ? {} : { check }),
    }
    const from = this.graph.add(what, inputs, work, site, options)
    const stream = new BuiltStream<Out>(this, [{ from, partitioning: { kind: 'forward' } }], from, lateTag)
    // What is late is what went in: known to the window that is being built.
    return stream as unknown as WindowResultStream<Out, T>
  }

  sink<T>(
    inputs: readonly PortInput[],
    sink: Sink<T>,
    options: SinkOptions | undefined,
    site: CallSite,
  ): SinkResult<T> {
    requireMethod(sink, 'createWriter', 'the first argument of sinkTo() is no sink', site)
    requireUid(options?.uid, `the sink ${sink.name}`, site)
    const work = { kind: 'sink' as const, sink: sink as unknown as Sink<never> }
    const from = this.graph.add('sink', inputs, work, site, { name: sink.name, ...options })
    return {
      rejected: this.stream<RejectedRecord<T>>([{ from, tag: REJECTED_TAG, partitioning: { kind: 'forward' } }]),
    }
  }

  own(
    stream: unknown,
    kind: 'stream' | 'keyed stream',
    what: string,
    site: CallSite,
  ): { readonly ports: readonly Port[] } {
    const isKind = kind === 'stream' ? stream instanceof BuiltStream : stream instanceof BuiltKeyedStream
    if (!isKind) {
      throw new MillraceError('MILLRACE_GRAPH', `the argument of ${what} is no ${kind}`, {
        hint: kind === 'stream' ? 'give it a stream that is not keyed' : 'put keyBy(...) behind it',
        ...atOf(site),
      })
    }
    const own = stream as BuiltStream<unknown> | BuiltKeyedStream<never, unknown>
    if (own.factory !== this) {
      throw new MillraceError('MILLRACE_GRAPH', `the argument of ${what} is a stream of another job`, atOf(site))
    }
    return own
  }
}

function strategy<T>(options: SourceOptions<T>, site: CallSite): WatermarkStrategy<never> {
  const { timestamp, watermarks = noWatermarks() } = options
  if (watermarks.timestamp !== undefined)
    requireFunction(watermarks.timestamp, 'the timestamp function of `watermarks`', site)
  if (timestamp === undefined) return watermarks
  requireFunction(timestamp, '`timestamp` of fromSource()', site)
  if (watermarks.timestamp === undefined) return { ...watermarks, timestamp }
  throw new MillraceError(
    'MILLRACE_GRAPH',
    'fromSource() has two timestamp functions: `timestamp`, and that of `watermarks`',
    {
      hint: 'give one of them',
      ...atOf(site),
    },
  )
}

function requireMethod(value: unknown, method: string, message: string, site: CallSite): void {
  if (typeof (value as Record<string, unknown> | null | undefined)?.[method] === 'function') return
  throw new MillraceError('MILLRACE_GRAPH', message, atOf(site))
}
