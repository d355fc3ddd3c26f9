import { fileURLToPath } from 'node:url'
import {
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  EnableKinesisStreamingDestinationCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectedAlerts, type KnownReading } from '../jobs/oracle-turbines.js'
import { describeWith } from './emulators/availability.js'
import { awsEnv, clientFor } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMinistack } from './emulators/ministack.js'
import { createHttpTopic } from './support-http-topic.js'
import { jobFolder, submit } from './support-jobs.js'
import { startNode } from './support-process.js'
import { TestStream } from './support-streams.js'

const SIMULATOR = fileURLToPath(new URL('../../jobs/turbine-simulator/start.mjs', import.meta.url))
const TABLE = 'windspeed'
/** ministack gives whole seconds where the service gives milliseconds: a millisecond of event time is a second here. */
const SECOND = 1
const WINDOW_SECONDS = 2

describeWith(['ministack'], 'windTurbine on its real path', () => {
  let aws: Emulator
  let dynamoDb: DynamoDBClient
  beforeAll(async () => {
    aws = await startMinistack()
    dynamoDb = new DynamoDBClient(clientFor(aws))
  })
  afterAll(() => aws?.stop())

  const put = (id: string, deviceID: string, value: string) =>
    dynamoDb.send(
      new PutItemCommand({ TableName: TABLE, Item: { id: { S: id }, deviceID: { S: deviceID }, value: { N: value } } }),
    )

  it('takes items put in a table to the people who subscribe to the topic', async () => {
    const input = await TestStream.create(aws, 'turbine-input', 2)
    const output = await TestStream.create(aws, 'turbine-output', 1)
    const topic = await createHttpTopic(aws, 'turbine-alerts')
    await dynamoDb.send(
      new CreateTableCommand({
        TableName: TABLE,
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    )
    await dynamoDb.send(
      new EnableKinesisStreamingDestinationCommand({ TableName: TABLE, StreamArn: await input.arn() }),
    )
    const env = awsEnv({ dynamodb: aws, kinesis: aws, sns: aws })
    const options = ['--checkpoint-interval', '300ms']
    const averages = submit({
      job: 'windTurbine',
      env,
      options,
      cwd: await jobFolder(),
      params: {
        input: 'kinesis://turbine-input?position=TRIM_HORIZON',
        output: 'kinesis://turbine-output?partitionKey=0',
        window: `${WINDOW_SECONDS * SECOND}ms`,
        maxOutOfOrderness: `${SECOND}ms`,
      },
    })
    const alerts = submit({
      job: 'turbineAlerts',
      env,
      options,
      cwd: await jobFolder(),
      params: { input: 'kinesis://turbine-output?position=TRIM_HORIZON', output: `sns://${topic.arn}` },
    })

    // The simulator, as its page asks it; a modified item and a removed one among its readings.
    const simulator = startNode([SIMULATOR, '--table', TABLE, '--port', '0'], env)
    const [, url = ''] = await simulator.says(/(http:\S+\/)/)
    const simulation = { turbines: 8, minSpeed: 45, maxSpeed: 85, values: 300, ratePerSecond: 60 }
    const headers = { 'content-type': 'application/json' }
    await fetch(`${url}api/simulation`, { method: 'POST', headers, body: JSON.stringify(simulation) })
    await put('one', 'turbine-1', '60.5')
    await put('one', 'turbine-1', '59.25')
    await dynamoDb.send(new DeleteItemCommand({ TableName: TABLE, Key: { id: { S: 'one' } } }))
    await averages.hasRead(302)
    // Event time goes on in both shards: the windows so far fire.
    await new Promise((resolve) => setTimeout(resolve, (WINDOW_SECONDS + 2) * 1000))
    for (let i = 0; i < 20; i++) await put(`later-${i}`, `later-${i}`, '0')

    const readings = (await input.read()).flatMap(({ data }) => knownReading(data))
    expect(readings).toHaveLength(300 + 2 + 20)
    const expected = expectedAlerts(
      readings.filter(({ id }) => !id.startsWith('later')),
      60,
      WINDOW_SECONDS * SECOND,
    )
    expect(expected.length).toBeGreaterThan(2)
    await expect.poll(async () => (await output.read()).length, { timeout: 20_000 }).toBe(expected.length)
    await expect.poll(() => topic.messages.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(expected.length)
    expect(await averages.suspend()).toMatchObject({ status: 'SUSPENDED', recordsIn: 322, lateRecordsDropped: 0 })
    expect(await alerts.suspend()).toMatchObject({ status: 'SUSPENDED', recordsIn: expected.length })

    const written = await output.read()
    expect(written.map(({ data }) => data).sort()).toEqual(expected)
    expect(new Set(written.map(({ partitionKey }) => partitionKey))).toEqual(new Set(['0']))
    expect(topic.messages.sort()).toEqual(expected.map(sentence).sort())
  })
})

/** A change record, read without the job's code: two digits of microseconds or none do not matter here. */
function knownReading(data: string): KnownReading[] {
  const change = JSON.parse(data) as {
    eventName: string
    dynamodb: {
      ApproximateCreationDateTime: number
      ApproximateCreationDateTimePrecision?: string
      NewImage: { deviceID: { S: string }; value: { N: string } }
    }
  }
  if (change.eventName === 'REMOVE') return []
  const { ApproximateCreationDateTime: at, ApproximateCreationDateTimePrecision: unit, NewImage } = change.dynamodb
  const time = unit === 'MICROSECOND' ? Math.floor(at / 1000) : at
  return [{ id: NewImage.deviceID.S, number: NewImage.value.N, time }]
}

function sentence(alert: string): string {
  const { turbineID, avgSpeed, windowStart, windowEnd } = JSON.parse(alert) as Record<string, string & number>
  const from = new Date(windowStart!).toISOString()
  const to = new Date(windowEnd!).toISOString()
  return `Wind turbine ${turbineID} is running at ${avgSpeed} mph on average, ${from} to ${to}`
}
