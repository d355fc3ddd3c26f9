import type { Clock } from '../../../runtime/contract/time.js'
import type { MetricGroup } from '../../../runtime/contract/metrics.js'
import { KinesisStream } from '../../../operators/connectors/kinesis/kinesis-stream.js'
import type {
  ConsumerContext,
  FetchContext,
  ShardBatch,
  ShardFetcher,
} from '../../../operators/connectors/kinesis/shard-reader.js'

/** The ARN of the streams in these tests. */
export const STREAM_ARN = 'arn:aws:kinesis:us-east-1:123456789012:stream/turbines'
export const CONSUMER_ARN = `${STREAM_ARN}/consumer/mine:1700000000`

export const realClock: Clock = {
  now: () => Date.now(),
  setTimeout(callback, delayMs) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

/** Contexts of one reader and one enumerator before a server; what they warn of, and their counters. */
export class FanOutWorld {
  readonly warnings: string[] = []
  readonly counts: Record<string, number> = {}
  readonly stream: KinesisStream
  readonly clock: Clock

  constructor(endpoint: string, { name = STREAM_ARN, clock = realClock, handler }: WorldOptions = {}) {
    this.clock = clock
    const requestHandler = handler === undefined ? {} : { requestHandler: handler }
    this.stream = new KinesisStream(name, { endpoint, region: 'us-east-1', ...requestHandler } as never)
  }

  get fetching(): FetchContext {
    return { ...this.place, subtask: 0, metrics: this.metrics() }
  }

  get consuming(): ConsumerContext {
    return { ...this.place, runId: 'run', attempt: 1 }
  }

  private get place() {
    const { stream, clock } = this
    const warn = (message: string) => void this.warnings.push(message)
    return { stream, clock, uid: 'readings', jobId: 'windTurbine', random: () => 0, warn }
  }

  private metrics(): MetricGroup {
    const { counts } = this
    return {
      counter: (name: string) => ({
        inc: (by = 1) => void (counts[name] = (counts[name] ?? 0) + by),
        get count() {
          return counts[name] ?? 0
        },
      }),
    } as unknown as MetricGroup
  }
}

interface WorldOptions {
  readonly name?: string
  readonly clock?: Clock
  readonly handler?: unknown
}

/** Takes batches until one satisfies `enough`, and returns all. */
export async function takeUntil(fetcher: ShardFetcher, enough: (taken: readonly ShardBatch[]) => boolean) {
  const taken: ShardBatch[] = []
  while (!enough(taken)) {
    await fetcher.ready()
    for (let batch = fetcher.take(); batch !== undefined; batch = fetcher.take()) taken.push(batch)
  }
  return taken
}

/** The sequence numbers of what was taken. */
export function numbersIn(taken: readonly ShardBatch[]): string[] {
  return taken.flatMap(({ records }) => records.map(({ SequenceNumber }) => SequenceNumber ?? ''))
}

/** The texts of what was taken. */
export function textsIn(taken: readonly ShardBatch[]): string[] {
  return taken.flatMap(({ records }) => records.map(({ Data }) => Buffer.from(Data ?? []).toString()))
}
