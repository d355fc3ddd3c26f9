/**
 * Tells people of what `windTurbine` has found: the last step of the wind turbine's path.
 *
 *     alerts --> a sentence of each --> output
 *        `-> invalid
 *
 * On AWS: --param input='kinesis://OUTPUT-STREAM?position=TRIM_HORIZON' --param output=sns://TOPIC-ARN.
 */
import { defineJob, p, sinkFor, streamFrom } from 'millrace'
import { alertMessage } from './lib/alert-message.js'
import { decodeLines } from './lib/decode-lines.js'
import { simulatedAlerts } from './lib/simulated-alerts.js'
import { writeRejected, type Written } from './lib/write-rejected.js'

export default defineJob({
  name: 'turbineAlerts',
  checkpointInterval: '1s',
  params: {
    input: p.source('datagen:alerts').describe('alerts as JSON, one a record: kinesis://STREAM or file:PATH'),
    output: p.sink('console:').describe('where messages go: sns://TOPIC-ARN'),
    invalid: p.sink().optional().describe('where records go that are no alerts; shown and counted unless given'),
    rejected: p
      .sink()
      .optional()
      .describe('where records go that no sink can write; the first one fails the job unless given'),
  },
  build(env, { input, output, invalid, rejected }) {
    const messages = env.fromSource(streamFrom(input, { generators: { alerts: simulatedAlerts } }), {
      uid: 'alerts',
      decode: decodeLines(alertMessage),
    })
    const written: Written[] = [messages.sinkTo(sinkFor(output), { uid: 'output' })]
    if (invalid) written.push(messages.invalid.sinkTo(sinkFor(invalid), { uid: 'invalid' }))
    writeRejected(written, rejected)
  },
})
