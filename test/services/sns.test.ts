import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseLocator } from '../../operators/api/locator.js'
import { snsSink, snsSinkFor } from '../../operators/connectors/sns/index.js'
import { checkOf, openRealSink } from '../connectors/batching/open-sink.js'
import { describeWith } from './emulators/availability.js'
import { clientFor, useAwsEnv } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import { dropAfter, internalError, throttle } from './faults/faults.js'
import { partialFailure } from './faults/partial.js'
import { createQueue, type Queue } from './support-queue.js'

describeWith(['moto'], 'SNS in moto', () => {
  let moto: Emulator
  let proxy: FaultProxy
  let client: SNSClient
  let restoreEnv: () => void

  beforeAll(async () => {
    moto = await startMoto()
    proxy = await startFaultProxy(moto)
    client = new SNSClient(clientFor(moto))
    restoreEnv = useAwsEnv({ sns: proxy })
  }, 60_000)
  afterAll(async () => {
    restoreEnv()
    client.destroy()
    await proxy.stop()
    await moto.stop()
  })

  async function topicWithQueue(name: string, attributes: Record<string, string> = {}): Promise<[string, Queue]> {
    const fifo = attributes['FifoTopic'] === 'true' ? '.fifo' : ''
    const { TopicArn } = await client.send(new CreateTopicCommand({ Name: `${name}${fifo}`, Attributes: attributes }))
    const queue = await createQueue(moto, `${name}-queue${fifo}`)
    const subscription = { TopicArn, Protocol: 'sqs', Endpoint: queue.arn, Attributes: { RawMessageDelivery: 'true' } }
    await client.send(new SubscribeCommand(subscription))
    return [TopicArn!, queue]
  }

  it('every message arrives, through throttling, errors, lost answers and partial failures', async () => {
    const [topic, queue] = await topicWithQueue('alerts')
    const rules = [partialFailure(undefined, 'InternalError'), throttle(), internalError(), dropAfter()].map((fault) =>
      proxy.inject({ operation: 'PublishBatch', fault, times: 2 }),
    )
    const { ctx, writer } = await openRealSink(snsSink<string>({ topic, random: () => 0.1 }))
    const written = Array.from({ length: 64 }, (_, i) => `alert ${String(i).padStart(2, '0')}`)
    for (const value of written) writer.write(value, 0)
    await writer.flush(1)
    proxy.clear()
    expect(rules.map(({ struck }) => struck)).toEqual([2, 2, 2, 2])
    expect([...new Set(await queue.drain())].toSorted()).toEqual(written)
    expect(ctx.rejected).toEqual([])
  })

  it('a FIFO topic keeps the order of a group and drops what is sent again after a restart', async () => {
    const [topic, queue] = await topicWithQueue('orders', { FifoTopic: 'true' })
    const sink = snsSinkFor<object>(parseLocator(`sns://${topic}?messageGroupIdField=turbine`)!)
    for (let attempt = 0; attempt < 2; attempt++) {
      const { writer } = await openRealSink(sink)
      for (let i = 0; i < 12; i++) writer.write({ turbine: i % 2, i }, i)
      await writer.flush(1)
    }
    const arrived = (await queue.drain()).map((text) => JSON.parse(text) as { turbine: number; i: number })
    for (const turbine of [0, 1]) {
      const places = arrived.filter((one) => one.turbine === turbine).map(({ i }) => i)
      expect(places).toEqual([0, 2, 4, 6, 8, 10].map((i) => i + turbine))
    }
  })

  it('a topic that does not exist is one clear line', async () => {
    const sink = snsSink({ topic: 'arn:aws:sns:us-east-1:123456789012:nowhere' })
    await expect(checkOf(sink)).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'SNS topic "nowhere": does not exist in region us-east-1',
    })
  })
})
