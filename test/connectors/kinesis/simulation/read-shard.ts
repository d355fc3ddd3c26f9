import { KinesisReader } from '../../../../operators/connectors/kinesis/kinesis-reader.js'
import type { KinesisRecord } from '../../../../operators/connectors/kinesis/kinesis-record.js'
import type { OnExpiredPosition } from '../../../../operators/connectors/kinesis/expired-position.js'
import { polling, type PollingOptions } from '../../../../operators/connectors/kinesis/polling.js'
import type { ShardPosition, ShardSplit } from '../../../../operators/connectors/kinesis/shard-split.js'
import type { PollStatus, SplitReader } from '../../../../runtime/contract/source.js'
import { VirtualClock } from '../../../../runtime/testing/virtual-clock.js'
import { noMetrics } from './no-metrics.js'
import { SeededRandom } from './random.js'
import { settle } from './simulated-job.js'
import { SimulatedKinesis } from './simulated-kinesis.js'

export const START_MS = 1_800_000_000_000

/** A stream, a clock and a reader of it. */
export interface World {
  readonly clock: VirtualClock
  readonly kinesis: SimulatedKinesis
  readonly gauges: Map<string, () => number>
  readonly warnings: string[]
  readonly open: (
    position: ShardPosition,
    options?: { readonly shardId?: string; readonly stopAtMs?: number },
  ) => Promise<OpenShard>
}

export interface WorldOptions {
  readonly shards?: number
  readonly polling?: PollingOptions
  readonly onExpiredPosition?: OnExpiredPosition
  readonly seed?: number
}

/** A stream in memory and a real reader, on a clock that a test moves. */
export function worldOf(options: WorldOptions = {}): World {
  const clock = new VirtualClock(START_MS)
  const random = new SeededRandom(options.seed ?? 1)
  const kinesis = new SimulatedKinesis(clock, random.next, options.shards ?? 1)
  const gauges = new Map<string, () => number>()
  const warnings: string[] = []
  const reader = new KinesisReader(
    {
      stream: kinesis.stream(),
      consumer: polling(options.polling),
      deaggregate: true,
      onExpiredPosition: options.onExpiredPosition ?? 'fail',
      random: random.next,
    },
    {
      uid: 'readings',
      jobId: 'job',
      runId: 'run',
      subtask: 0,
      parallelism: 1,
      attempt: 1,
      clock,
      metrics: noMetrics(gauges),
      warn: (message) => warnings.push(message),
    },
  )
  return {
    clock,
    kinesis,
    gauges,
    warnings,
    async open(position, { shardId = 'shardId-000000000000', stopAtMs } = {}) {
      const shard = kinesis.shards.find(({ id }) => id === shardId)
      const split: ShardSplit = {
        shardId,
        firstHash: String(shard?.first ?? 0),
        lastHash: String(shard?.last ?? 0),
        // As a manifest has it.
        position: JSON.parse(JSON.stringify(position)) as ShardPosition,
        ...(stopAtMs === undefined ? {} : { stopAtMs }),
      }
      return new OpenShard(await reader.openSplit({ id: shardId, split }), clock)
    },
  }
}

/** A shard being read. */
export class OpenShard {
  readonly texts: string[] = []
  readonly positions: string[] = []
  readonly timestamps: number[] = []
  readonly reader: SplitReader<KinesisRecord, ShardSplit>
  failure: Error | undefined
  private readonly clock: VirtualClock

  constructor(reader: SplitReader<KinesisRecord, ShardSplit>, clock: VirtualClock) {
    this.reader = reader
    this.clock = clock
  }

  poll(max = 1_000): PollStatus {
    return this.reader.poll(
      {
        collect: (raw, timestamp) => {
          this.texts.push(raw.text())
          this.positions.push(raw.position())
          this.timestamps.push(timestamp)
        },
      },
      max,
    )
  }

  /** Reads for so long; stops at the end, at a failure, or when `max` records have been read. */
  async read(ms: number, max = Infinity): Promise<PollStatus> {
    const until = this.clock.now() + ms
    for (;;) {
      const status = this.poll(Math.min(1_000, max - this.texts.length))
      if (status === 'end' || this.failure !== undefined || this.texts.length >= max) return status
      if (status === 'wait') {
        let available = false
        this.reader.available().then(
          () => (available = true),
          (error: unknown) => (this.failure = error as Error),
        )
        await settle()
        while (!available && this.failure === undefined && this.clock.now() < until) {
          this.clock.advanceTo(this.clock.now() + 20)
          await settle()
        }
      }
      if (this.clock.now() >= until) return status
    }
  }

  get position(): ShardPosition {
    return this.reader.position().position
  }
}
