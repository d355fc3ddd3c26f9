import { afterAll, beforeAll } from 'vitest'
import { available } from './emulators/availability.js'
import { startDynamoDbLocal } from './emulators/dynamodb-local.js'
import type { Emulator } from './emulators/emulator.js'
import { startFerrokinesis } from './emulators/ferrokinesis.js'
import { startKinesisLocal } from './emulators/kinesis-local.js'
import { startMoto } from './emulators/moto.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'

/** Kinesis, DynamoDB and S3, each behind a proxy that a job goes through; the test itself need not. */
export interface ProxiedServices {
  readonly kinesis: Emulator
  readonly dynamodb: Emulator
  readonly s3: Emulator
  readonly proxies: { readonly kinesis: FaultProxy; readonly dynamodb: FaultProxy; readonly s3: FaultProxy }
}

/** Starts them for the tests of a suite; returns what gives them, within a test. */
export function useProxiedServices(seed: number): () => ProxiedServices {
  const running: { stop(): Promise<void> }[] = []
  let services: ProxiedServices | undefined
  beforeAll(async () => {
    const startKinesis = available('ferrokinesis') ? startFerrokinesis : startKinesisLocal
    const starting = [startKinesis(), startDynamoDbLocal(), startMoto()] as const
    for (const one of starting) void one.then((emulator) => running.push(emulator)).catch(() => undefined)
    const [kinesis, dynamodb, s3] = await Promise.all(starting)
    const proxies = {
      kinesis: await startFaultProxy(kinesis, { seed }),
      dynamodb: await startFaultProxy(dynamodb, { seed: seed + 1 }),
      s3: await startFaultProxy(s3, { seed: seed + 2 }),
    }
    running.unshift(...Object.values(proxies))
    services = { kinesis, dynamodb, s3, proxies }
  })
  afterAll(async () => {
    for (const one of running) await one.stop()
  })
  return () => services!
}
