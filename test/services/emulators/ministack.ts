import { join } from 'node:path'
import { placeOf } from './availability.js'
import { type Emulator, launch } from './emulator.js'

/** Starts ministack (Python): DynamoDB with Kinesis destinations, SNS, SQS, Lambda, CloudWatch. About 1 s. Rejects where it is not installed. */
export async function startMinistack(env: Readonly<Record<string, string>> = {}): Promise<Emulator> {
  const command = join(placeOf('ministack'), 'bin', 'ministack')
  return launch((port) => ({
    name: 'ministack',
    command,
    args: [],
    env: { BIND_HOST: '127.0.0.1', MINISTACK_ACCOUNT_ID: '123456789012', ...env, GATEWAY_PORT: String(port) },
  }))
}
