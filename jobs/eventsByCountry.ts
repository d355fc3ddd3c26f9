/**
 * Counts events by country and window.
 *
 *     events --> by country --> windows, count --> output
 *        `-> invalid               `-> late
 *
 * On AWS: --param input='kinesis://kinesis-source?position=TRIM_HORIZON&consumer=efo' --param output='kinesis://kinesis-sink?partitionKeyField=country'.
 * Shards are found as the stream is split and merged; a restart goes on from the checkpoint, wherever `position` says to begin.
 */
import { boundedOutOfOrderness, count, defineJob, p, refuseAhead, sinkFor, streamFrom, tumbling } from 'millrace'
import { countryEvent, type CountryEvent } from './lib/country-event.js'
import { decodeLines } from './lib/decode-lines.js'
import { withIdleShards } from './lib/idle-shards.js'
import { simulatedEvents } from './lib/simulated-events.js'
import { writeRejected, type Written } from './lib/write-rejected.js'

export default defineJob({
  name: 'eventsByCountry',
  checkpointInterval: '1s',
  params: {
    input: p.source('datagen:events').describe('JSON with a country, one a record: kinesis://STREAM or file:PATH'),
    output: p.sink('console:').describe('where counts go: kinesis://STREAM'),
    invalid: p.sink().optional().describe('where records go that are no events; shown and counted unless given'),
    late: p.sink().optional().describe('where events go that come too late; dropped and counted unless given'),
    rejected: p
      .sink()
      .optional()
      .describe('where records go that no sink can write; the first one fails the job unless given'),
    window: p.duration('60s').describe('the time over which events are counted'),
    maxOutOfOrderness: p.duration('5s').describe('how far an event may be behind the newest one of its shard'),
    maxAhead: p.duration('10m').describe('a time so far ahead of the arrival in the stream is invalid'),
    idleAfter: p.duration('30s').describe('a shard without events for so long is not waited for'),
  },
  build(env, { input, output, invalid, late, rejected, window, maxOutOfOrderness, maxAhead, idleAfter }) {
    const source = streamFrom(input, { generators: { events: simulatedEvents } })
    const watermarks = boundedOutOfOrderness(
      maxOutOfOrderness,
      ({ time }: CountryEvent, arrivedAt) => time ?? arrivedAt,
    )
    const events = env.fromSource(source, {
      uid: 'events',
      decode: refuseAhead(decodeLines(countryEvent), { maxAhead, time: ({ time }) => time }),
      watermarks: withIdleShards(watermarks, source, idleAfter),
    })
    const counts = events
      .keyBy(({ country }) => country)
      .window(tumbling(window))
      .aggregate(count(), (country, { start, end }, events) => ({
        country,
        windowStart: start,
        windowEnd: end,
        events,
      }))
      .uid('counts')

    const written: Written[] = [counts.sinkTo(sinkFor(output), { uid: 'output' })]
    if (late) written.push(counts.late.map(({ line }) => line).sinkTo(sinkFor(late), { uid: 'late' }))
    if (invalid) written.push(events.invalid.sinkTo(sinkFor(invalid), { uid: 'invalid' }))
    writeRejected(written, rejected)
  },
})
