/**
 * Finds out how long visitors stay: page impressions of a web server's access log, or of beacons that browsers send, become sessions; all
 * beacons of a page impression become one row.
 *
 *     visits --> page impressions --> by visitor --> sessions
 *        |           |-> bots
 *        |           |-> late
 *        |           `-> beacons --> orders, each once --> by page impression --> rows
 *        `-> invalid                     `-> duplicate orders
 *
 * On AWS: --param format=beacons --param input='kinesis://beacons?position=TRIM_HORIZON'
 * --param output='s3://lake/sessions?partition=hour' --param impressions='s3://lake/impressions?partition=hour&partitionBy=customer'
 * --param invalid=s3://lake/invalid --param botTable=bots --param orderTable=orders --param orderSalt=secret:orders#salt
 */
import { fileURLToPath } from 'node:url'
import {
  boundedOutOfOrderness,
  defineJob,
  MillraceError,
  p,
  refuseAhead,
  session,
  sinkFor,
  streamFrom,
  type Locator,
  type Stream,
} from 'millrace'
import { fileSource } from 'millrace/connectors/file'
import { decodeLines } from './lib/decode-lines.js'
import { withIdleShards } from './lib/idle-shards.js'
import { beacons, bots as botLines, late as lateLines, type Visit } from './lib/impression.js'
import { impressionKey, impressionRow } from './lib/impression-row.js'
import { countImpressions, summary } from './lib/session-summary.js'
import type { TrackedBeacon } from './lib/tracked-beacon.js'
import { uniqueOrders } from './lib/unique-orders.js'
import { peopleOnly } from './lib/visitors.js'
import { visit, VISIT_FORMATS } from './lib/visits.js'
import { writeRejected, type Written } from './lib/write-rejected.js'

const SAMPLES = {
  combined: fileURLToPath(new URL('./data/sample-access.log', import.meta.url)),
  beacons: fileURLToPath(new URL('./data/sample-beacons.jsonl', import.meta.url)),
}

interface OrderParams {
  readonly orderTable: string | undefined
  readonly orderSalt: string | undefined
  readonly orderTtl: number
  readonly duplicateOrders: Locator | undefined
}

export default defineJob({
  name: 'pageImpressions',
  checkpointInterval: '1s',
  params: {
    input: p.source().optional().describe('kinesis://STREAM or file:PATH; a small sample unless given'),
    format: p.oneOf(VISIT_FORMATS, 'combined').describe('what a line is: of an access log, or a beacon'),
    output: p.sink('console:').describe('where sessions go'),
    impressions: p.sink().optional().describe('beacons: where a row for each page impression goes'),
    invalid: p.sink().optional().describe('where lines go that are not of the format; shown and counted unless given'),
    bots: p.sink().optional().describe("where bots' lines go; dropped and counted unless given"),
    late: p.sink().optional().describe('where lines go that come too late; dropped and counted unless given'),
    rejected: p
      .sink()
      .optional()
      .describe('where records go that no sink can write; the first one fails the job unless given'),
    gap: p.duration('30m').describe('a visitor who is away for longer begins another session'),
    maxOutOfOrderness: p.duration('10m').describe('how far a line may be behind the newest one'),
    maxAhead: p.duration('10m').describe('a time so far ahead of the arrival in the stream is invalid'),
    idleAfter: p.duration('30s').describe('a shard without lines for so long is not waited for'),
    botTable: p.string().optional().describe("a DynamoDB table of bots' user agents, attribute userAgent"),
    orderTable: p
      .string()
      .optional()
      .describe('beacons: a DynamoDB table, key pk, that knows which orders were counted'),
    orderSalt: p.string().secret().optional().describe('what order ids are hashed with: secret:NAME#FIELD'),
    orderTtl: p.duration('730d').describe('how long an order is remembered'),
    duplicateOrders: p
      .sink()
      .optional()
      .describe('where beacons go whose order was counted before; only counted unless given'),
  },
  build(env, { input, format, output, impressions, invalid, bots, late, gap, ...params }) {
    const { maxOutOfOrderness, maxAhead } = params
    const track = impressions !== undefined
    refuseUnused(format, track, params)
    const source = input ? streamFrom(input) : fileSource({ paths: SAMPLES[format] })
    // One millisecond more: see keepImpressions.
    const watermarks = boundedOutOfOrderness(maxOutOfOrderness + 1, ({ time }: Visit) => time)
    const visits = env.fromSource(source, {
      uid: 'visits',
      decode: refuseAhead(decodeLines(visit(format, { track })), { maxAhead, time: ({ time }) => time }),
      watermarks: withIdleShards(watermarks, source, params.idleAfter),
    })
    const kept = visits.process(peopleOnly({ keepLate: late !== undefined, botTable: params.botTable }), {
      uid: 'impressions',
    })

    const sessions = kept
      .keyBy(({ visitor }) => visitor)
      .window(session(gap))
      .aggregate(countImpressions, summary)
      .uid('sessions')
    const written: Written[] = [sessions.sinkTo(sinkFor(output), { uid: 'output' })]
    if (bots) written.push(kept.sideOutput(botLines).sinkTo(sinkFor(bots), { uid: 'bots' }))
    if (late) written.push(kept.sideOutput(lateLines).sinkTo(sinkFor(late), { uid: 'late' }))
    if (invalid) written.push(visits.invalid.sinkTo(sinkFor(invalid), { uid: 'invalid' }))
    if (impressions) written.push(...writeImpressions(kept.sideOutput(beacons), impressions, gap, params))
    writeRejected(written, params.rejected)
  },
})

/** A row for each page impression, with each order once. */
function writeImpressions(said: Stream<TrackedBeacon>, to: Locator, gap: number, params: OrderParams): Written[] {
  const written: Written[] = []
  const { orderTable: table, orderSalt: salt, orderTtl: ttl, duplicateOrders } = params
  let once = said
  if (table !== undefined && salt !== undefined) {
    const { beacons, duplicates } = uniqueOrders(said, { table, salt, ttl })
    if (duplicateOrders) written.push(duplicates.sinkTo(sinkFor(duplicateOrders), { uid: 'duplicateOrders' }))
    once = beacons
  }
  const rows = once
    .keyBy(impressionKey)
    .window(session(gap))
    .aggregate(impressionRow)
    .uid('impressionRows')
    .filter((row) => row !== null)
  return [...written, rows.sinkTo(sinkFor(to), { uid: 'impressionsOutput' })]
}

/** MILLRACE_PARAM for parameters that would be ignored. */
function refuseUnused(format: string, track: boolean, { orderTable, orderSalt, duplicateOrders }: OrderParams): void {
  const refuse = (message: string, hint: string): never => {
    throw new MillraceError('MILLRACE_PARAM', message, { hint })
  }
  if (track && format !== 'beacons') refuse('impressions is for format=beacons', 'a log line is a row already')
  if (orderTable !== undefined && !track)
    refuse('orderTable goes with impressions', 'say where rows go: impressions=...')
  if ((orderTable === undefined) !== (orderSalt === undefined)) {
    refuse('orderTable and orderSalt go together', 'give both: the table knows no order by its id')
  }
  if (duplicateOrders !== undefined && orderTable === undefined) {
    refuse('duplicateOrders goes with orderTable', 'without it no order is a duplicate')
  }
}
