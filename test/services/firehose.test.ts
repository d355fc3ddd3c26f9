import { CreateDeliveryStreamCommand, FirehoseClient } from '@aws-sdk/client-firehose'
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseLocator } from '../../operators/api/locator.js'
import { firehoseSink, firehoseSinkFor } from '../../operators/connectors/firehose/index.js'
import { checkOf, openRealSink } from '../connectors/batching/open-sink.js'
import { describeWith } from './emulators/availability.js'
import { clientFor, useAwsEnv } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import { dropAfter, throttle, unavailable } from './faults/faults.js'
import { partialFailure } from './faults/partial.js'

describeWith(['moto'], 'Firehose in moto', () => {
  let moto: Emulator
  let proxy: FaultProxy
  let client: FirehoseClient
  let s3: S3Client
  let restoreEnv: () => void

  beforeAll(async () => {
    moto = await startMoto()
    proxy = await startFaultProxy(moto)
    client = new FirehoseClient(clientFor(moto))
    s3 = new S3Client({ ...clientFor(moto), forcePathStyle: true })
    restoreEnv = useAwsEnv({ firehose: proxy })
  }, 60_000)
  afterAll(async () => {
    restoreEnv()
    client.destroy()
    s3.destroy()
    await proxy.stop()
    await moto.stop()
  })

  async function newStream(name: string): Promise<void> {
    await s3.send(new CreateBucketCommand({ Bucket: `${name}-bucket` }))
    await client.send(
      new CreateDeliveryStreamCommand({
        DeliveryStreamName: name,
        ExtendedS3DestinationConfiguration: {
          RoleARN: 'arn:aws:iam::123456789012:role/firehose',
          BucketARN: `arn:aws:s3:::${name}-bucket`,
        },
      }),
    )
  }

  /** All lines that Firehose has put into the bucket. */
  async function linesOf(name: string): Promise<string[]> {
    const bucket = { Bucket: `${name}-bucket` }
    const { Contents = [] } = await s3.send(new ListObjectsV2Command(bucket))
    const lines: string[] = []
    for (const { Key } of Contents) {
      const { Body } = await s3.send(new GetObjectCommand({ ...bucket, Key }))
      lines.push(...(await Body!.transformToString()).split('\n').slice(0, -1))
    }
    return lines
  }

  it('every record arrives as a line, through throttling, errors, lost answers and partial failures', async () => {
    await newStream('lake')
    const rules = [
      partialFailure(undefined, 'ServiceUnavailableException'),
      throttle(),
      unavailable(),
      dropAfter(),
    ].map((fault) => proxy.inject({ operation: 'PutRecordBatch', fault, times: 2 }))
    const { ctx, writer } = await openRealSink(firehoseSink<object>({ stream: 'lake', random: () => 0.1 }))
    for (let i = 0; i < 700; i++) writer.write({ i }, 0)
    await writer.flush(1)
    proxy.clear()
    expect(rules.map(({ struck }) => struck)).toEqual([2, 2, 2, 2])
    const numbers = (await linesOf('lake')).map((line) => (JSON.parse(line) as { i: number }).i)
    expect([...new Set(numbers)].toSorted((a, b) => a - b)).toEqual([...Array(700).keys()])
    expect(ctx.rejected).toEqual([])
  })

  it('a locator names the stream, and a stable id goes into each record', async () => {
    await newStream('pond')
    const sink = firehoseSinkFor<object>(parseLocator('firehose://pond?recordIdField=recordId')!)
    await checkOf(sink)
    for (let attempt = 0; attempt < 2; attempt++) {
      const { writer } = await openRealSink(sink)
      writer.write({ speed: 3 }, 7)
      await writer.flush(1)
    }
    const records = (await linesOf('pond')).map((line) => JSON.parse(line) as { recordId: string })
    expect(records).toHaveLength(2)
    expect(records[0]!.recordId).toMatch(/^[0-9a-f]{32}$/)
    expect(records[1]).toEqual(records[0])
  })

  it('a stream that does not exist is one clear line', async () => {
    await expect(checkOf(firehoseSink({ stream: 'nowhere' }))).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'Firehose stream "nowhere": does not exist in region us-east-1',
    })
  })
})
