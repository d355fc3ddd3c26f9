/**
 * Finds out how long visitors stay: page impressions of a web server's access log, or of beacons that browsers send, become sessions.
 *
 *     visits --> page impressions --> by visitor --> sessions
 *        |           |-> bots
 *        `-> invalid `-> late
 */
import { fileURLToPath } from 'node:url'
import { boundedOutOfOrderness, defineJob, p, session, sinkFor, streamFrom } from 'millrace'
import { fileSource } from 'millrace/connectors/file'
import { decodeLines } from './lib/decode-lines.js'
import { bots as botLines, keepImpressions, late as lateLines, type Visit } from './lib/impression.js'
import { countImpressions, summary } from './lib/session-summary.js'
import { visit, VISIT_FORMATS } from './lib/visits.js'

const SAMPLES = {
  combined: fileURLToPath(new URL('./data/sample-access.log', import.meta.url)),
  beacons: fileURLToPath(new URL('./data/sample-beacons.jsonl', import.meta.url)),
}

export default defineJob({
  name: 'pageImpressions',
  checkpointInterval: '1s',
  params: {
    input: p.source().optional().describe('file:PATH; a small sample unless given'),
    format: p.oneOf(VISIT_FORMATS, 'combined').describe('what a line is: of an access log, or a beacon'),
    output: p.sink('console:').describe('where sessions go'),
    invalid: p.sink().optional().describe('where lines go that are not of the format; shown and counted unless given'),
    bots: p.sink().optional().describe("where bots' lines go; dropped and counted unless given"),
    late: p.sink().optional().describe('where lines go that come too late; dropped and counted unless given'),
    gap: p.duration('30m').describe('a visitor who is away for longer begins another session'),
    maxOutOfOrderness: p.duration('10m').describe('how far a line may be behind the newest one'),
  },
  build(env, { input, format, output, invalid, bots, late, gap, maxOutOfOrderness }) {
    const visits = env.fromSource(input ? streamFrom(input) : fileSource({ paths: SAMPLES[format] }), {
      uid: 'visits',
      decode: decodeLines(visit(format)),
      // One millisecond more: see keepImpressions.
      watermarks: boundedOutOfOrderness(maxOutOfOrderness + 1, ({ time }: Visit) => time),
    })
    const impressions = visits.process(keepImpressions({ keepLate: late !== undefined }), { uid: 'impressions' })

    impressions
      .keyBy(({ visitor }) => visitor)
      .window(session(gap))
      .aggregate(countImpressions, summary)
      .uid('sessions')
      .sinkTo(sinkFor(output), { uid: 'output' })
    if (bots) impressions.sideOutput(botLines).sinkTo(sinkFor(bots), { uid: 'bots' })
    if (late) impressions.sideOutput(lateLines).sinkTo(sinkFor(late), { uid: 'late' })
    if (invalid) visits.invalid.sinkTo(sinkFor(invalid), { uid: 'invalid' })
  },
})
