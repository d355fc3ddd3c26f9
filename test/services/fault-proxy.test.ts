import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch'
import { BatchWriteItemCommand, DynamoDBClient, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb'
import { GetRecordsCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { CompleteMultipartUploadCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { PublishBatchCommand, PublishCommand, SNSClient } from '@aws-sdk/client-sns'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { clientFor } from './emulators/aws-env.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import {
  clockSkew,
  cutAfterBytes,
  dropAfter,
  dropBefore,
  internalError,
  internalErrorAfter,
  refuse,
  silence,
  slow,
  throttle,
  transactionConflict,
} from './faults/faults.js'
import { partialFailure } from './faults/partial.js'

interface Taken {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A service that notes what reaches it, and says what `answer` writes. */
let reached: Taken[]
let answer: (response: ServerResponse, taken: Taken) => void
let proxy: FaultProxy
let stopService: () => void

beforeEach(async () => {
  reached = []
  answer = (response) => void response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end('{}')
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const taken = { headers: request.headers, body: Buffer.concat(chunks).toString() }
      reached.push(taken)
      answer(response, taken)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stopService = () => {
    server.closeAllConnections()
    server.close()
  }
  proxy = await startFaultProxy({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
afterEach(async () => {
  await proxy.stop()
  stopService()
})

const settings = (maxAttempts = 1) => ({ ...clientFor(proxy), maxAttempts })
const kinesis = (maxAttempts?: number): KinesisClient => new KinesisClient(settings(maxAttempts))
const records = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ Data: Buffer.from(`${index}`), PartitionKey: String(index) }))
const putRecords = (count = 1) => new PutRecordsCommand({ StreamName: 's', Records: records(count) })
const getRecords = new GetRecordsCommand({ ShardIterator: 'i' })
const publish = new PublishCommand({ TopicArn: 'arn:aws:sns:us-east-1:123456789012:t', Message: 'm' })

describe('the fault proxy', () => {
  it('passes what no rule wants, as it was signed', async () => {
    await kinesis().send(putRecords())
    expect(reached).toHaveLength(1)
    expect(reached[0]?.headers.host).toBe(`127.0.0.1:${proxy.port}`)
    expect([...proxy.injected]).toEqual([])
    expect(proxy.requests('PutRecords')).toBe(1)
  })

  it('strikes by operation, after so many and so often as told, and counts', async () => {
    const rule = proxy.inject({ operation: 'PutRecords', fault: throttle(), after: 1, times: 2 })
    const client = kinesis()
    await client.send(putRecords())
    await client.send(getRecords)
    for (const _ of [1, 2]) {
      await expect(client.send(putRecords())).rejects.toMatchObject({
        name: 'ProvisionedThroughputExceededException',
        $retryable: undefined,
        $metadata: { httpStatusCode: 400 },
      })
    }
    await client.send(putRecords())
    expect(rule.struck).toBe(2)
    expect([...proxy.injected]).toEqual([['PutRecords throttle', 2]])
    expect(reached).toHaveLength(3)
    expect(proxy.requests()).toBe(5)
  })

  it('strikes by chance as its seed says', async () => {
    proxy.inject({ fault: internalError(), probability: 0.5, times: Infinity })
    const outcomes = []
    for (let i = 0; i < 12; i++) outcomes.push((await Promise.allSettled([kinesis().send(getRecords)]))[0].status)
    expect(new Set(outcomes).size).toBe(2)
    expect(reached.length).toBe(outcomes.filter((one) => one === 'fulfilled').length)
  })

  it('speaks as each service does', async () => {
    proxy.inject({ fault: throttle(), times: Infinity })
    await expect(
      new S3Client(settings()).send(new PutObjectCommand({ Bucket: 'b', Key: 'a/b', Body: 'x' })),
    ).rejects.toMatchObject({ name: 'SlowDown', $metadata: { httpStatusCode: 503 } })
    await expect(new SNSClient(settings()).send(publish)).rejects.toMatchObject({ name: 'Throttling' })
    await expect(
      new CloudWatchClient(settings()).send(new PutMetricDataCommand({ Namespace: 'n', MetricData: [] })),
    ).rejects.toMatchObject({ name: 'ThrottlingException' })
    expect([...proxy.injected.keys()]).toEqual(['PutObject throttle', 'Publish throttle', 'PutMetricData throttle'])
    proxy.clear()
    proxy.inject({ operation: 'CompleteMultipartUpload', fault: refuse(404, 'NoSuchUpload') })
    await expect(
      new S3Client(settings()).send(new CompleteMultipartUploadCommand({ Bucket: 'b', Key: 'a', UploadId: 'u' })),
    ).rejects.toMatchObject({ name: 'NoSuchUpload' })
  })

  it.each([
    ['drops a connection before the service has the request', dropBefore(), 0],
    ['drops it after', dropAfter(), 1],
    ['fails after the service did it', internalErrorAfter(), 1],
    ['cuts an answer in the middle', cutAfterBytes(1), 1],
  ])('%s', async (_, fault, reaches) => {
    proxy.inject({ fault })
    await expect(kinesis().send(getRecords)).rejects.toThrow()
    expect(reached).toHaveLength(reaches)
    await kinesis().send(getRecords)
  })

  it('is silent until the client gives up', async () => {
    const impatient = new KinesisClient({
      ...settings(),
      requestHandler: { requestTimeout: 200, throwOnRequestTimeout: true },
    })
    for (const [arrives, times] of [
      [false, 0],
      [true, 1],
    ] as const) {
      proxy.inject({ fault: silence({ reached: arrives }) })
      await expect(impatient.send(getRecords)).rejects.toMatchObject({ name: 'TimeoutError' })
      expect(reached).toHaveLength(times)
    }
  })

  it('slows a request down, no more', async () => {
    proxy.inject({ fault: slow(150) })
    const started = performance.now()
    await kinesis().send(getRecords)
    expect(performance.now() - started).toBeGreaterThan(145)
  })

  it('cancels a transaction with a reason for each of its items', async () => {
    proxy.inject({ fault: transactionConflict(1) })
    const put = { Put: { TableName: 't', Item: { id: { S: 'x' } } } }
    await expect(
      new DynamoDBClient(settings()).send(new TransactWriteItemsCommand({ TransactItems: [put, put] })),
    ).rejects.toMatchObject({
      name: 'TransactionCanceledException',
      CancellationReasons: [{ Code: 'None' }, { Code: 'TransactionConflict' }],
    })
  })

  it('has a clock of its own that a client may learn', async () => {
    proxy.inject({ fault: clockSkew(3_600_000), times: Infinity })
    await expect(kinesis(1).send(getRecords)).rejects.toMatchObject({ name: 'InvalidSignatureException' })
    await kinesis(3).send(getRecords)
    expect(reached).toHaveLength(1)
    expect([...proxy.injected]).toEqual([['GetRecords clock skew', 2]])
  })
})

describe('partial failures', () => {
  const second = partialFailure((index) => index === 1)

  it('keep records of PutRecords from the service and say so in their place', async () => {
    proxy.inject({ fault: second })
    answer = (response, { body }) => {
      const { Records } = JSON.parse(body) as { Records: { PartitionKey: string }[] }
      const results = Records.map(({ PartitionKey }) => ({ SequenceNumber: PartitionKey, ShardId: 'shard' }))
      response.end(JSON.stringify({ FailedRecordCount: 0, Records: results }))
    }
    const result = await kinesis().send(putRecords(3))
    expect(result.FailedRecordCount).toBe(1)
    expect(result.Records?.map((one) => one.SequenceNumber ?? one.ErrorCode)).toEqual([
      '0',
      'ProvisionedThroughputExceededException',
      '2',
    ])
  })

  it('never ask with an empty batch', async () => {
    proxy.inject({ fault: partialFailure(() => true) })
    expect((await kinesis().send(putRecords(2))).FailedRecordCount).toBe(2)
    expect(reached).toHaveLength(0)
  })

  it('give back writes of BatchWriteItem as unprocessed', async () => {
    proxy.inject({ fault: second })
    const write = (id: string) => ({ PutRequest: { Item: { id: { S: id } } } })
    const result = await new DynamoDBClient(settings()).send(
      new BatchWriteItemCommand({ RequestItems: { a: [write('0'), write('1')], b: [write('2')] } }),
    )
    expect(result.UnprocessedItems).toEqual({ a: [write('1')] })
    expect(JSON.parse(reached[0]?.body ?? '')).toMatchObject({ RequestItems: { a: [write('0')], b: [write('2')] } })
  })

  it('refuse messages of PublishBatch by their ids', async () => {
    proxy.inject({ fault: partialFailure((index) => index === 0, 'InternalError') })
    const success = '<member><Id>y</Id><MessageId>1</MessageId></member>'
    const result = `<PublishBatchResult><Failed/><Successful>${success}</Successful></PublishBatchResult>`
    answer = (response) =>
      void response
        .writeHead(200, { 'content-type': 'text/xml' })
        .end(`<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">${result}</PublishBatchResponse>`)
    const batch = new PublishBatchCommand({
      TopicArn: 'arn:aws:sns:us-east-1:123456789012:t',
      PublishBatchRequestEntries: [
        { Id: 'x', Message: '1' },
        { Id: 'y', Message: '2' },
      ],
    })
    const { Successful, Failed } = await new SNSClient(settings()).send(batch)
    expect(Successful).toMatchObject([{ Id: 'y' }])
    expect(Failed).toMatchObject([{ Id: 'x', Code: 'InternalError', SenderFault: false }])
    expect(reached[0]?.body).toContain('PublishBatchRequestEntries.member.1.Id=y')
    expect(reached[0]?.body).not.toContain('member.2')
  })
})
