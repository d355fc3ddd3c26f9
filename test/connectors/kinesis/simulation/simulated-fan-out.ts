import { FanOutFetcher } from '../../../../operators/connectors/kinesis/fan-out-fetcher.js'
import type { FanOutReader } from '../../../../operators/connectors/kinesis/fan-out-reader.js'
import { ReadAheadMemory } from '../../../../operators/connectors/kinesis/read-ahead-memory.js'
import type { ShardConsumer } from '../../../../operators/connectors/kinesis/shard-reader.js'

/** The real fetchers of fan-out over a simulated stream, whose client serves subscriptions without a connection. */
export function simulatedFanOut(): ShardConsumer {
  return {
    name: 'fan-out',
    permissions: [],
    createFetchers(ctx) {
      const opened = new Set<FanOutFetcher>()
      const consumer = {
        resource: 'consumer',
        arn: () => Promise.resolve('arn'),
        isOtherThan: () => Promise.resolve(false),
      }
      const reader: FanOutReader = {
        ctx,
        consumer: consumer as unknown as FanOutReader['consumer'],
        memory: new ReadAheadMemory(20_000),
        times: { renewAfterMs: 280_000, silenceMs: 35_000, spacingMs: 1_000, warnAfterMs: 60_000 },
        connect: () => ctx.stream.access(),
      }
      return {
        open(shardId, start) {
          const fetcher = new FanOutFetcher(reader, shardId, start, () => opened.delete(fetcher))
          opened.add(fetcher)
          return fetcher
        },
        close() {
          for (const fetcher of opened) fetcher.close()
        },
      }
    },
  }
}
