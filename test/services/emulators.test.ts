import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis'
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { expect, it } from 'vitest'
import { describeWith } from './emulators/availability.js'
import { clientFor } from './emulators/aws-env.js'
import { startDynamoDbLocal } from './emulators/dynamodb-local.js'
import type { Emulator } from './emulators/emulator.js'
import { startFerrokinesis } from './emulators/ferrokinesis.js'
import { startKinesisLocal } from './emulators/kinesis-local.js'
import { startMinistack } from './emulators/ministack.js'
import { startMoto } from './emulators/moto.js'
import { startVersitygw } from './emulators/versitygw.js'

async function answersAndStops(
  emulator: Emulator,
  request: (client: ReturnType<typeof clientFor>) => Promise<unknown>,
) {
  const settings = clientFor(emulator)
  try {
    await request(settings)
  } finally {
    await emulator.stop()
  }
  await expect(fetch(emulator.endpoint)).rejects.toThrow()
}

// Not the client's own HTTP/2 without TLS, which not all of them speak.
const kinesis = (settings: ReturnType<typeof clientFor>) =>
  new KinesisClient({ ...settings, requestHandler: new NodeHttpHandler() }).send(new ListStreamsCommand({}))
const dynamoDb = (settings: ReturnType<typeof clientFor>) =>
  new DynamoDBClient(settings).send(new ListTablesCommand({}))
const s3 = (settings: ReturnType<typeof clientFor>) =>
  new S3Client({ ...settings, forcePathStyle: true }).send(new ListBucketsCommand({}))

describeWith(['kinesis-local'], 'kinesis-local', () => {
  it('answers, and is gone when stopped', async () => answersAndStops(await startKinesisLocal(), kinesis))
})
describeWith(['ferrokinesis'], 'ferrokinesis', () => {
  it('answers, and is gone when stopped', async () => answersAndStops(await startFerrokinesis(), kinesis))
})
describeWith(['dynamodb-local'], 'DynamoDB local', () => {
  it('answers, and is gone when stopped', async () => answersAndStops(await startDynamoDbLocal(), dynamoDb))
})
describeWith(['moto'], 'moto', () => {
  it('answers, and is gone when stopped', async () => answersAndStops(await startMoto(), s3))
})
describeWith(['ministack'], 'ministack', () => {
  it('answers, and is gone when stopped', async () => answersAndStops(await startMinistack(), dynamoDb))
})
describeWith(['versitygw'], 'versitygw', () => {
  it('answers, and is gone when stopped', async () => answersAndStops(await startVersitygw(), s3))
})
