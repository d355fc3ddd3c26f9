/**
 * Sorts what sensors say by temperature, window by window, and picks out what is too hot. One reader for each shard of the input; the
 * rows of a window meet in one place to be ranked.
 *
 *     readings --> 20 s windows, hottest first --> output
 *        |               |                    `-> too hot --> anomalies
 *        `-> invalid     `-> late
 *
 * On AWS: --param input='kinesis://kinesis-stream?position=LATEST' --param output=dynamodb://data_dump
 * --param anomalies=dynamodb://data_anomaly, tables with `window` (N) as partition key and `rank` (N) as sort key.
 */
import { boundedOutOfOrderness, defineJob, p, refuseAhead, sinkFor, streamFrom, tumbling } from 'millrace'
import { decodeLines } from './lib/decode-lines.js'
import { withIdleShards } from './lib/idle-shards.js'
import { hottestFirst } from './lib/hottest-first.js'
import { sensorReading, type SensorReading } from './lib/sensor-reading.js'
import { simulatedSensors } from './lib/simulated-sensors.js'
import { writeRejected, type Written } from './lib/write-rejected.js'

export default defineJob({
  name: 'hotSensors',
  checkpointInterval: '1s',
  params: {
    input: p.source('datagen:sensors').describe('lines firstName,temp,OK|FAIL|WARN: kinesis://STREAM or file:PATH'),
    output: p.sink('console:').describe('where all rows go, the hottest of a window first: dynamodb://data_dump'),
    anomalies: p.sink().optional().describe('where rows above the threshold go as well: dynamodb://data_anomaly'),
    invalid: p.sink().optional().describe('where lines go that are no readings; shown and counted unless given'),
    late: p.sink().optional().describe('where lines go that come too late; dropped and counted unless given'),
    rejected: p
      .sink()
      .optional()
      .describe('where records go that no sink can write; the first one fails the job unless given'),
    threshold: p.number(100).describe('a temperature above it is an anomaly'),
    window: p.duration('20s').describe('the time whose rows are sorted together'),
    maxOutOfOrderness: p.duration('1s').describe('how far a reading may be behind the newest one of its shard'),
    maxAhead: p.duration('10m').describe('a time so far ahead of the arrival in the stream is invalid'),
    idleAfter: p.duration('10s').describe('a shard without readings for so long is not waited for'),
  },
  build(env, { input, output, anomalies, invalid, late, rejected, threshold, window, ...params }) {
    const { maxOutOfOrderness, maxAhead, idleAfter } = params
    const source = streamFrom(input, { generators: { sensors: simulatedSensors } })
    const watermarks = boundedOutOfOrderness(
      maxOutOfOrderness,
      ({ time }: SensorReading, arrivedAt) => time ?? arrivedAt,
    )
    const readings = env.fromSource(source, {
      uid: 'readings',
      decode: refuseAhead(decodeLines(sensorReading), { maxAhead, time: ({ time }) => time }),
      watermarks: withIdleShards(watermarks, source, idleAfter),
    })
    const rows = readings
      .keyBy(() => 'all')
      .window(tumbling(window))
      .apply(hottestFirst)
      .uid('rows')

    const written: Written[] = [rows.sinkTo(sinkFor(output), { uid: 'output' })]
    if (anomalies) {
      const hot = rows.filter(({ currentTemp }) => currentTemp > threshold)
      written.push(hot.sinkTo(sinkFor(anomalies), { uid: 'anomalies' }))
    }
    if (late) written.push(rows.late.map(({ line }) => line).sinkTo(sinkFor(late), { uid: 'late' }))
    if (invalid) written.push(readings.invalid.sinkTo(sinkFor(invalid), { uid: 'invalid' }))
    writeRejected(written, rejected)
  },
})
