import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  byPage,
  CRAWLER,
  expectedImpressions,
  isKnownBot,
  type KnownBeacon,
  type KnownRow,
  SNEAKY,
  visitorBeacons,
} from '../jobs/oracle-beacons.js'
import { expectedSessions } from '../jobs/oracle-visits.js'
import { randomSource } from '../oracles/random-source.js'
import { describeWith } from './emulators/availability.js'
import { awsEnv } from './emulators/aws-env.js'
import { startDynamoDbLocal } from './emulators/dynamodb-local.js'
import type { Emulator } from './emulators/emulator.js'
import { startKinesisLocal } from './emulators/kinesis-local.js'
import { startMoto } from './emulators/moto.js'
import { startFaultProxy } from './fault-proxy.js'
import { dropAfter, internalErrorAfter, throttle, transactionConflict } from './faults/faults.js'
import { createBucket } from './support-buckets.js'
import { jobFolder, type JobReport, submit } from './support-jobs.js'
import { TestStream } from './support-streams.js'
import { createTable } from './support-tables.js'

const START = Date.UTC(2024, 0, 15, 6)
const SALT = 'grains-of-salt-0123456789'
const INVALID = ['not JSON', '{"type":"load"}', '{"type":"navigation","session":""}']
/** Processes killed before the last one. */
const KILLS = 3

type Row = KnownRow & { readonly orders: readonly { readonly id: string; readonly value: number }[] }

describeWith(['dynamodb-local', 'moto'], 'pageImpressions of beacons, on Kinesis, DynamoDB and S3', () => {
  const running: Emulator[] = []
  let [kinesis, dynamodb, s3]: Emulator[] = []
  beforeAll(async () => {
    ;[kinesis, dynamodb, s3] = await Promise.all([startKinesisLocal(), startDynamoDbLocal(), startMoto()])
    running.push(kinesis, dynamodb, s3)
  })
  afterAll(async () => {
    for (const emulator of running) await emulator.stop()
  })

  it(
    'fills the lake with each session, impression and order once, through faults and kill -9',
    { timeout: 180_000 },
    async () => {
      const stream = await TestStream.create(kinesis!, 'beacons', 3)
      const lake = await createBucket(s3!, 'lake')
      const bots = await createTable(dynamodb!, 'bots', { userAgent: 'S' })
      await bots.client.send(new PutItemCommand({ TableName: 'bots', Item: { userAgent: { S: SNEAKY } } }))
      const orders = await createTable(dynamodb!, 'orders', { pk: 'S' })
      const beacons = visitorBeacons(randomSource(1), 300, START)
      const lines = beacons.map((beacon) => ({ data: JSON.stringify(beacon), key: beacon.session }))
      const strange = INVALID.map((data, i) => ({ data, key: String(i) }))
      await stream.put([...lines.slice(0, 500), ...strange, ...lines.slice(500)])

      const claims = await startFaultProxy(dynamodb!, { seed: 2 })
      const operation = 'TransactWriteItems'
      for (const fault of [throttle(), transactionConflict(), internalErrorAfter(), dropAfter()]) {
        claims.inject({ operation, fault, probability: 0.05, times: Infinity })
      }
      const objects = await startFaultProxy(s3!, { seed: 3 })
      for (const fault of [throttle(), dropAfter()]) objects.inject({ fault, probability: 0.03, times: Infinity })
      const cwd = await jobFolder()
      const run = () =>
        submit({
          job: 'pageImpressions',
          cwd,
          env: awsEnv({ kinesis: kinesis!, dynamodb: claims, s3: objects }),
          options: ['--checkpoint-interval', '200ms'],
          params: {
            format: 'beacons',
            input: 'kinesis://beacons?position=TRIM_HORIZON&stopAt=latest',
            output: 's3://lake/sessions?partition=hour',
            impressions: 's3://lake/impressions?partition=hour&partitionBy=customer&gzip=true',
            invalid: 's3://lake/invalid',
            bots: 's3://lake/bots',
            duplicateOrders: 's3://lake/duplicates',
            botTable: 'bots',
            orderTable: 'orders',
            orderSalt: SALT,
          },
        })
      let output = ''
      let report: JobReport
      try {
        for (let kill = 1; kill <= KILLS; kill++) {
          const job = run()
          await job.hasRead(Math.floor((beacons.length * kill) / (KILLS + 2)))
          await job.crash()
          output += job.output()
        }
        const last = run()
        report = await last.report()
        output += last.output()
      } finally {
        await claims.stop()
        await objects.stop()
      }
      expect(report).toMatchObject({
        failure: null,
        status: 'FINISHED',
        recordsIn: beacons.length + INVALID.length,
        lateRecordsDropped: 0,
      })
      expect([...claims.injected.values()].reduce((sum, one) => sum + one, 0)).toBeGreaterThan(5)

      // What went where.
      const invalid = (await lake.lines('invalid/')).map((line) => (JSON.parse(line) as { raw: string }).raw)
      expect(invalid.sort()).toEqual([...INVALID].sort())
      const people = beacons.filter((beacon) => !isKnownBot(beacon))
      const known = beacons.filter(isKnownBot)
      expect(new Set(known.map(({ userAgent }) => userAgent))).toEqual(new Set([SNEAKY, CRAWLER]))
      expect((await lake.lines('bots/')).sort()).toEqual(known.map((beacon) => JSON.stringify(beacon)).sort())
      const visits = people.filter(({ type }) => type !== 'event')
      const sessions = visits.map(({ session, time, pageImpression }) => ({
        visitor: session,
        time,
        page: pageImpression,
      }))
      expect((await lake.lines('sessions/')).sort()).toEqual(expectedSessions(sessions, 1_800_000))

      const rows = (await lake.lines('impressions/')).map((line) => JSON.parse(line) as Row).sort(byPage)
      const withoutOrders = rows.map(({ orders: _, ...row }) => row)
      expect(withoutOrders).toEqual(expectedImpressions(beacons))
      for (const [key, some] of await lake.objects('impressions/')) {
        for (const { customer } of some.map((line) => JSON.parse(line) as Row)) {
          expect(key).toMatch(/^impressions\/customer=[^/]+\/date=2024-01-\d\d\/hour=\d\d\/[^/]+\.gz$/)
          expect(key).toContain(`customer=${encodeURIComponent(customer)}/`)
        }
      }

      // Each order of a customer is in one row, one of those that said it; the other beacons were duplicates.
      const saying = people.filter(({ order }) => order !== undefined)
      const nameOf = ({ customer, order }: KnownBeacon): string => `${customer} ${order?.id}`
      const counted = rows.flatMap(({ customer, orders }) => orders.map(({ id }) => `${customer} ${id}`))
      expect(counted.sort()).toEqual([...new Set(saying.map(nameOf))].sort())
      for (const { customer, pageImpression, orders } of rows) {
        for (const { id, value } of orders) {
          const sayers = saying.filter((one) => one.pageImpression === pageImpression && one.customer === customer)
          expect(sayers.map(({ order }) => order)).toContainEqual({ id, value })
        }
      }
      expect(counted.length).toBeGreaterThan(20)
      const duplicates = (await lake.lines('duplicates/')).map((line) => nameOf(JSON.parse(line) as KnownBeacon))
      expect([...duplicates, ...counted].sort()).toEqual(saying.map(nameOf).sort())

      // The table knows no order by its id, and nothing knows the salt.
      const claimed = await orders.items()
      expect(claimed).toHaveLength(counted.length)
      expect(JSON.stringify(claimed)).not.toContain('order-')
      expect(output).not.toContain(SALT)
      for (const entry of await readdir(cwd, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue
        const content = await readFile(join(entry.parentPath, entry.name), 'latin1')
        expect(content.includes(SALT), entry.name).toBe(false)
      }
    },
  )
})
