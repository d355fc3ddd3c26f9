import { MillraceError } from '../../../runtime/contract/errors.js'
import type { Sink } from '../../../runtime/contract/sink.js'
import { requireTuning } from '../batching/require-tuning.js'
import { checkPatience } from './check-patience.js'
import { partitionKeyFault } from './sink-entry.js'
import type { KinesisSinkOptions } from './sink-options.js'
import { sinkStream } from './sink-stream.js'
import { openWriter } from './sink-writers.js'
import { isStream, STREAM_FORM } from './stream-name.js'

/**
 * Writes records into a Kinesis data stream, at least once: what was written since the last checkpoint is written again after a restart,
 * and a request whose answer was lost is sent again. Option `recordId` puts a stable id into each payload, by which consumers drop what
 * comes twice. Requests hold up to 500 records within the stream's limits; what a request leaves out is sent again alone; each barrier
 * waits until everything before it is in the stream. Records over the limits go to the sink's `rejected` output. Needs
 * kinesis:PutRecords and kinesis:DescribeStreamSummary, and kinesis:ListShards to aggregate. As Flink's KinesisStreamsSink.
 */
export function kinesisSink<T = unknown>(options: KinesisSinkOptions<T>): Sink<T> {
  const { stream, partitionKey, aggregate } = options
  if (stream === '') refuse('kinesisSink has an empty stream', 'name a stream, or give its ARN')
  if (!isStream(stream))
    refuse(`kinesisSink: ${JSON.stringify(stream)} is not the name or ARN of a stream`, STREAM_FORM)
  requireTuning('kinesisSink', options)
  const fault = typeof partitionKey === 'string' ? partitionKeyFault(partitionKey) : undefined
  if (fault !== undefined) refuse(`kinesisSink: ${fault}`, 'give 1 to 256 characters')
  if (typeof aggregate === 'object') {
    for (const [name, value] of Object.entries(aggregate)) {
      if (!(value > 0)) refuse(`kinesisSink aggregate.${name} is not a positive number: ${value}`, 'leave it out')
    }
  }
  return {
    name: 'kinesis',
    guarantee: 'at-least-once',
    describe: `kinesis://${stream}`,
    check: async () => {
      const checked = sinkStream(options)
      try {
        await checked.requireActive(checkPatience(options.random ?? Math.random))
      } finally {
        await checked.close()
      }
    },
    createWriter: (ctx) => openWriter(sinkStream(options), options, ctx),
  }
}

function refuse(message: string, hint: string): never {
  throw new MillraceError('MILLRACE_GRAPH', message, { hint })
}
