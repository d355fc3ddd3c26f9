/**
 * What a job file imports: `import { defineJob, p, tumbling } from 'millrace'`. Each source and sink also has an entry of its own,
 * `millrace/connectors/*`.
 */
export { defineJob, type JobOptions } from './api/define-job.js'
export type { Duration } from './api/duration.js'
export type { DeadLetters, ErrorPolicy } from './api/error-policy.js'
export type { SourceOptions, StreamEnvironment } from './api/environment.js'
export type { Locator } from './api/locator.js'
export { outputTag, type OutputTag } from './api/output-tag.js'
export type { Param } from './api/param.js'
export type { ParamDeclarations, ParamValues } from './api/param-values.js'
export { p, type NumberBounds, type Params } from './api/params.js'
export { record, type RecordType } from './api/record-type.js'
export type {
  BroadcastConnectedStream,
  BroadcastStream,
  CoGroupedStreams,
  CoGroupWindowed,
  ConnectedKeyedStreams,
  ConnectedStreams,
  JoinedStreams,
  JoinWhere,
  JoinWindowed,
  KeyedBroadcastConnectedStream,
  KeyedStream,
  OperatorOptions,
  OperatorStream,
  SessionWindowedStream,
  SinkOptions,
  SinkResult,
  SourceStream,
  Stream,
  WindowedStream,
  WindowResultStream,
} from './api/streams.js'
export { boundedOutOfOrderness, monotonous, noWatermarks, type TimestampOf, type Watermarks } from './api/watermarks.js'
export type {
  AsyncContext,
  AsyncFunction,
  AsyncMapOptions,
  AsyncOpenContext,
  AsyncOptions,
} from './async/async-function.js'
export type { AsyncRetry } from './async/async-retry.js'
export { deadLetter } from './connectors/dead-letter/dead-letter.js'
export { sinkFor } from './connectors/sink-for.js'
export type { GeneratorFactory } from './connectors/datagen/locator.js'
export { streamFrom, type StreamFromOptions } from './connectors/stream-from.js'
export { csv, type CsvOptions, type CsvRecord, type CsvShape } from './formats/csv.js'
export { decodeWith } from './formats/decode-with.js'
export { json, type JsonOptions } from './formats/json.js'
export { refuseAhead, type RefuseAheadOptions } from './formats/refuse-ahead.js'
export type { SchemaIssue, SchemaResult, StandardSchema } from './formats/standard-schema.js'
export { text } from './formats/text.js'
export type { CoGroupFunction, JoinFunction } from './joins/co-group-contents.js'
export type { BroadcastProcessFunction } from './process/broadcast-process.js'
export type { Collector } from './process/collector.js'
export type { FlatMapFunction } from './process/flat-map.js'
export type { KeyedBroadcastProcessFunction } from './process/keyed-broadcast-process.js'
export {
  keyedCoProcess,
  keyedProcess,
  type KeyedCoProcessFunction,
  type KeyedLifecycle,
  type KeyedProcessFunction,
  type NoState,
} from './process/keyed-process.js'
export type { ReduceFunction } from './process/keyed-reduce.js'
export {
  unionList,
  type BroadcastDeclarations,
  type BroadcastHandles,
  type OperatorStateDeclarations,
  type OperatorStateHandles,
  type ReadOnlyBroadcastHandles,
  type ReadOnlyBroadcastState,
  type UnionListDeclaration,
} from './process/operator-state-declaration.js'
export type { CoProcessFunction, ProcessFunction, ProcessLifecycle } from './process/process.js'
export type {
  KeyedContext,
  OpenContext,
  ProcessContext,
  TimerContext,
  Timers,
  WithBroadcast,
  WithOperatorState,
  WithReadOnlyBroadcast,
} from './process/process-context.js'
export {
  aggregating,
  list,
  map,
  reducing,
  value,
  type StateDeclaration,
  type StateDeclarations,
  type StateHandles,
  type StateOptions,
} from './process/state-declaration.js'
export { aggregator, type AccumulatorSchema, type MergeableAggregator } from './windows/aggregator.js'
export { count, maxOf, meanOf, minOf, sumOf, type MeanAccumulator } from './windows/aggregators.js'
export {
  session,
  sliding,
  tumbling,
  type SessionWindows,
  type SlidingWindows,
  type TumblingWindows,
  type Window,
  type WindowAssigner,
} from './windows/assigner.js'
export type { WindowFunction, WindowResultFunction } from './windows/window-contents.js'

export { MillraceError, type ErrorCode } from '../runtime/contract/errors.js'
export type { FailedRecord, RecordError } from '../runtime/contract/failed-record.js'
export type { JobDefinition } from '../runtime/contract/graph.js'
export type { Key } from '../runtime/contract/key.js'
export type { Counter, Histogram, Meter, MetricGroup } from '../runtime/contract/metrics.js'
export type { RejectedRecord, Sink } from '../runtime/contract/sink.js'
export type {
  Decoder,
  DecodeOutput,
  InvalidRecord,
  RawRecord,
  Source,
  WatermarkStrategy,
} from '../runtime/contract/source.js'
export type {
  Aggregator,
  AggregatingState,
  ListState,
  MapState,
  ReducingState,
  ValueState,
} from '../runtime/contract/state.js'
export { NO_TIMESTAMP } from '../runtime/contract/time.js'
