import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseLocator } from '../../operators/api/locator.js'
import { eventBridgeSink, eventBridgeSinkFor } from '../../operators/connectors/eventbridge/index.js'
import { checkOf, openRealSink } from '../connectors/batching/open-sink.js'
import { describeWith } from './emulators/availability.js'
import { clientFor, useAwsEnv } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import { dropAfter, internalError, throttle } from './faults/faults.js'
import { partialFailure } from './faults/partial.js'
import { createQueue, type Queue } from './support-queue.js'

interface Event {
  readonly source: string
  readonly 'detail-type': string
  readonly time: string
  readonly detail: { readonly id: number; readonly kind?: string }
}

describeWith(['moto'], 'EventBridge in moto', () => {
  let moto: Emulator
  let proxy: FaultProxy
  let client: EventBridgeClient
  let restoreEnv: () => void

  beforeAll(async () => {
    moto = await startMoto()
    proxy = await startFaultProxy(moto)
    client = new EventBridgeClient(clientFor(moto))
    restoreEnv = useAwsEnv({ eventbridge: proxy })
  }, 60_000)
  afterAll(async () => {
    restoreEnv()
    client.destroy()
    await proxy.stop()
    await moto.stop()
  })

  async function busWithQueue(name: string): Promise<Queue> {
    await client.send(new CreateEventBusCommand({ Name: name }))
    const pattern = JSON.stringify({ source: ['com.example.turbines'] })
    await client.send(new PutRuleCommand({ Name: `${name}-all`, EventBusName: name, EventPattern: pattern }))
    const queue = await createQueue(moto, `${name}-queue`)
    const target = { Rule: `${name}-all`, EventBusName: name, Targets: [{ Id: 'queue', Arn: queue.arn }] }
    await client.send(new PutTargetsCommand(target))
    return queue
  }

  it('every event arrives, through throttling, errors, lost answers and partial failures', async () => {
    const queue = await busWithQueue('plant')
    const rules = [partialFailure(undefined, 'ThrottlingException'), throttle(), internalError(), dropAfter()].map(
      (fault) => proxy.inject({ operation: 'PutEvents', fault, times: 2 }),
    )
    const sink = eventBridgeSink<{ id: number }>({
      bus: 'plant',
      source: 'com.example.turbines',
      detailType: ({ id }) => `Type${id % 2}`,
      random: () => 0.1,
    })
    const { ctx, writer } = await openRealSink(sink)
    for (let id = 0; id < 45; id++) writer.write({ id }, 1_700_000_000_000)
    await writer.flush(1)
    proxy.clear()
    expect(rules.map(({ struck }) => struck)).toEqual([2, 2, 2, 2])
    const events = (await queue.drain()).map((text) => JSON.parse(text) as Event)
    expect([...new Set(events.map(({ detail }) => detail.id))].toSorted((a, b) => a - b)).toEqual([...Array(45).keys()])
    for (const event of events) {
      expect(event).toMatchObject({ source: 'com.example.turbines', 'detail-type': `Type${event.detail.id % 2}` })
      expect(Date.parse(event.time)).toBe(1_700_000_000_000)
    }
    expect(ctx.rejected).toEqual([])
  })

  it('a locator takes the type from each record', async () => {
    const queue = await busWithQueue('yard')
    const place = 'eventbridge://yard?source=com.example.turbines&detailTypeField=kind'
    const { writer } = await openRealSink(eventBridgeSinkFor<object>(parseLocator(place)!))
    writer.write({ id: 1, kind: 'Stopped' }, 0)
    await writer.flush(1)
    const [event] = (await queue.drain()).map((text) => JSON.parse(text) as Event)
    expect(event?.['detail-type']).toBe('Stopped')
  })

  it('a bus that does not exist is one clear line', async () => {
    const sink = eventBridgeSink({ bus: 'nowhere', source: 's', detailType: 't' })
    await expect(checkOf(sink)).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'EventBridge bus "nowhere": does not exist in region us-east-1',
    })
  })
})
