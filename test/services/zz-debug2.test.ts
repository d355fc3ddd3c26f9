import { GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-kinesis'
import { it } from 'vitest'
import { startKinesisLocal } from './emulators/kinesis-local.js'
import { startFerrokinesis } from './emulators/ferrokinesis.js'
import { TestStream } from './support-streams.js'
it('x', async () => {
  for (const start of [startKinesisLocal, startFerrokinesis]) {
  const e = await start()
  const s = await TestStream.create(e, 's', 1)
  await s.put(Array.from({ length: 5 }, (_, i) => ({ data: String(i), key: 'k' })))
  const all = await s.read()
  const test = async () => {
  for (const type of ['AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER'] as const) for (const i of [2, 4]) {
    const { ShardIterator } = await s.client.send(new GetShardIteratorCommand({ StreamName: 's', ShardId: all[0]!.shard, ShardIteratorType: type, StartingSequenceNumber: all[i]!.sequenceNumber }))
    const r = await s.client.send(new GetRecordsCommand({ ShardIterator }))
    console.log(e.name, type, i, r.Records?.map((x) => Buffer.from(x.Data!).toString()).join(), r.MillisBehindLatest)
  }}
  await test()
  await s.split()
  console.log('after split')
  await test()
  await e.stop()
  }
})
