import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { expect } from 'vitest'
import {
  byPage,
  expectedImpressions,
  isKnownBot,
  type KnownBeacon,
  type KnownRow,
  SNEAKY,
  visitorBeacons,
} from '../jobs/oracle-beacons.js'
import { expectedSessions } from '../jobs/oracle-visits.js'
import type { RandomSource } from '../oracles/random-source.js'
import { createBucket, type TestBucket } from './support-buckets.js'
import type { ProxiedServices } from './support-proxied.js'
import { type NewRecord, TestStream } from './support-streams.js'
import { createTable, type TestTable } from './support-tables.js'

const GAP_MS = 300_000
const INVALID = ['not JSON', '{"type":"load"}', '{"type":"navigation","session":""}']

type Row = KnownRow & { readonly orders: readonly { readonly id: string }[] }

/** Beacons in a stream, and the places where pageImpressions writes: sessions to the lake, a table and a stream. */
export class BeaconWorld {
  readonly #beacons: readonly KnownBeacon[]
  readonly lake: TestBucket
  readonly #claims: TestTable
  readonly #table: TestTable
  readonly #output: TestStream
  /** Lines that a run writes of sessions, sorted. */
  readonly sessions: readonly string[]
  /** Parameters of the job `page-impressions-everywhere`. */
  readonly params: Readonly<Record<string, string>>
  readonly recordsIn: number

  private constructor(
    name: string,
    beacons: readonly KnownBeacon[],
    places: { lake: TestBucket; claims: TestTable; table: TestTable; output: TestStream; bots: TestTable },
  ) {
    this.#beacons = beacons
    this.lake = places.lake
    this.#claims = places.claims
    this.#table = places.table
    this.#output = places.output
    this.recordsIn = beacons.length + INVALID.length
    const visits = beacons.filter((beacon) => !isKnownBot(beacon) && beacon.type !== 'event')
    this.sessions = expectedSessions(
      visits.map(({ session, time, pageImpression }) => ({ visitor: session, time, page: pageImpression })),
      GAP_MS,
    )
    const bucket = places.lake.name
    this.params = {
      format: 'beacons',
      input: `kinesis://${name}-beacons?position=TRIM_HORIZON&stopAt=latest`,
      output: `kinesis://${places.output.name}?partitionKeyField=visitor`,
      lake: `s3://${bucket}/sessions?partition=hour&rollRecords=10`,
      table: `dynamodb://${places.table.name}`,
      impressions: `s3://${bucket}/impressions?partition=hour&partitionBy=customer&gzip=true`,
      invalid: `s3://${bucket}/invalid?rollOnCheckpoint=true`,
      duplicateOrders: `s3://${bucket}/duplicates`,
      botTable: places.bots.name,
      orderTable: places.claims.name,
      gap: `${GAP_MS}ms`,
      maxOutOfOrderness: '1m',
    }
  }

  /** `name` keeps worlds on the same emulators apart. */
  static async create(
    { kinesis, dynamodb, s3 }: Pick<ProxiedServices, 'kinesis' | 'dynamodb' | 's3'>,
    name: string,
    random: RandomSource,
    visitors: number,
  ): Promise<BeaconWorld> {
    const beacons = visitorBeacons(random, visitors, Date.UTC(2024, 0, 15, 6))
    const input = await TestStream.create(kinesis, `${name}-beacons`, 3)
    const places = {
      output: await TestStream.create(kinesis, `${name}-sessions`, 2),
      lake: await createBucket(s3, `${name}-lake`),
      bots: await createTable(dynamodb, `${name}-bots`, { userAgent: 'S' }),
      claims: await createTable(dynamodb, `${name}-orders`, { pk: 'S' }),
      table: await createTable(dynamodb, `${name}-sessions`, { visitor: 'S', start: 'N' }),
    }
    await places.bots.client.send(
      new PutItemCommand({ TableName: places.bots.name, Item: { userAgent: { S: SNEAKY } } }),
    )
    const lines = beacons.map((beacon): NewRecord => ({ data: JSON.stringify(beacon), key: beacon.session }))
    const strange = INVALID.map((data, i): NewRecord => ({ data, key: String(i) }))
    await input.put([...lines.slice(0, 200), ...strange, ...lines.slice(200)])
    return new BeaconWorld(name, beacons, places)
  }

  /** Each result is where it belongs, once; in the stream at least once. */
  async expectResults(): Promise<void> {
    const { lake, sessions } = this
    expect((await lake.lines('sessions/')).sort()).toEqual(sessions)
    const invalid = (await lake.lines('invalid/')).map((line) => (JSON.parse(line) as { raw: string }).raw)
    expect(invalid.sort()).toEqual([...INVALID].sort())
    const rows = (await lake.lines('impressions/')).map((line) => JSON.parse(line) as Row).sort(byPage)
    expect(rows.map(({ orders: _, ...row }) => row)).toEqual(expectedImpressions(this.#beacons))
    await this.#expectOrders(rows)

    const items = (await this.#table.items()).map((item) => JSON.stringify(sessionOf(item)))
    expect(items.sort()).toEqual(sessions)
    const written = (await this.#output.read()).map(({ data }) => data)
    expect([...new Set(written)].sort()).toEqual(sessions)
  }

  /** Each order is in one row; the other beacons that said it were duplicates, each once. */
  async #expectOrders(rows: readonly Row[]): Promise<void> {
    const nameOf = ({ customer, order }: KnownBeacon): string => `${customer} ${order?.id}`
    const saying = this.#beacons.filter((one) => !isKnownBot(one) && one.order !== undefined).map(nameOf)
    const counted = rows.flatMap(({ customer, orders }) => orders.map(({ id }) => `${customer} ${id}`))
    expect(counted.sort()).toEqual([...new Set(saying)].sort())
    const duplicates = (await this.lake.lines('duplicates/')).map((line) => nameOf(JSON.parse(line) as KnownBeacon))
    expect([...duplicates, ...counted].sort()).toEqual(saying.sort())
    expect(await this.#claims.items()).toHaveLength(counted.length)
  }
}

/** A session with its fields in the order of the job's output. */
function sessionOf({ visitor, start, end, impressions, bounce, durationMs }: Record<string, unknown>): object {
  return { visitor, start, end, impressions, bounce, durationMs }
}
