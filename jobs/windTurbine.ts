/**
 * Warns of turbines that run too fast. Readings are changes of a DynamoDB table, as they reach a Kinesis stream; the mean speed of each
 * turbine in each minute of event time is compared with a threshold.
 *
 *     readings --> by turbine --> 60 s windows --> mean > threshold --> alerts
 *         `-> invalid                  `-> late
 */
import { boundedOutOfOrderness, defineJob, p, sinkFor, streamFrom, tumbling } from 'millrace'
import { alertLine } from './lib/alert.js'
import { turbineReading, type TurbineReading } from './lib/change-record.js'
import { decodeLines } from './lib/decode-lines.js'
import { exactMean } from './lib/exact-mean.js'
import { withIdleShards } from './lib/idle-shards.js'
import { refuseSimulatorOptions, turbineSimulator } from './lib/turbine-simulator.js'
import { writeRejected, type Written } from './lib/write-rejected.js'

export default defineJob({
  name: 'windTurbine',
  checkpointInterval: '1s',
  params: {
    input: p
      .source('datagen:turbines')
      .fromGroup('WindTurbineEnvironment', 'kinesis://{inputStreamName}?region={region}&position=TRIM_HORIZON')
      .describe('change records: kinesis://STREAM, file:PATH, or the simulated wind farm'),
    output: p
      .sink('console:')
      .fromGroup('WindTurbineEnvironment', 'kinesis://{outputStreamName}?region={region}&partitionKey=0')
      .describe('where alerts go: kinesis://STREAM?partitionKey=0'),
    invalid: p.sink().optional().describe('where lines go that are no change records; shown and counted unless given'),
    late: p.sink().optional().describe('where lines go that come too late; dropped and counted unless given'),
    rejected: p
      .sink()
      .optional()
      .describe('where records go that no sink can write; the first one fails the job unless given'),
    threshold: p.number(60).describe('a mean speed above it, its fraction cut off, is an alert'),
    window: p.duration('60s').describe('the time over which the mean is taken'),
    maxOutOfOrderness: p.duration('5s').describe('how far a reading may be behind the newest one'),
    idleAfter: p.duration('30s').describe('a shard without change records for so long is not waited for'),
    turbines: p.integer(undefined, { min: 1 }).optional().describe('simulator: how many turbines (20)'),
    minSpeed: p.integer(undefined, { min: 0 }).optional().describe('simulator: least speed (30)'),
    maxSpeed: p.integer(undefined, { min: 0 }).optional().describe('simulator: greatest speed (90)'),
    values: p.integer(undefined, { min: 0 }).optional().describe('simulator: how many change records (18000)'),
    rate: p
      .integer(undefined, { min: 0 })
      .optional()
      .describe('simulator: change records a second (4500), 0: no limit'),
    seed: p.integer().optional().describe('simulator: other seeds, other records (1)'),
  },
  build(
    env,
    { input, output, invalid, late, rejected, threshold, window, maxOutOfOrderness, idleAfter, ...simulator },
  ) {
    if (input.every(({ scheme }) => scheme !== 'datagen')) refuseSimulatorOptions(simulator)

    const source = streamFrom(input, { skipBlank: true, generators: { turbines: turbineSimulator(simulator) } })
    const watermarks = boundedOutOfOrderness(maxOutOfOrderness, ({ time }: TurbineReading) => time)
    const readings = env.fromSource(source, {
      uid: 'readings',
      decode: decodeLines(turbineReading({ keepLine: late !== undefined })),
      watermarks: withIdleShards(watermarks, source, idleAfter),
    })
    const averages = readings
      .keyBy((reading) => reading.turbineID)
      .window(tumbling(window))
      .aggregate(
        exactMean((reading) => reading.speed),
        (turbineID, { start, end }, avgSpeed) => ({ turbineID, avgSpeed, windowStart: start, windowEnd: end }),
      )
      .uid('averages')

    const alerts = averages.filter(({ avgSpeed }) => avgSpeed > threshold).map(alertLine)
    const written: Written[] = [alerts.sinkTo(sinkFor(output), { uid: 'alerts' })]
    if (late) written.push(averages.late.map(({ line = '' }) => line).sinkTo(sinkFor(late), { uid: 'late' }))
    if (invalid) written.push(readings.invalid.sinkTo(sinkFor(invalid), { uid: 'invalid' }))
    writeRejected(written, rejected)
  },
})
