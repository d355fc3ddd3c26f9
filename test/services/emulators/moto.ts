import { join } from 'node:path'
import { placeOf } from './availability.js'
import { type Emulator, launch } from './emulator.js'

/** Starts moto (Python): S3, SNS, SQS, CloudWatch, EventBridge, Firehose, Secrets Manager, STS... About 1 s. Rejects where it is not installed. */
export async function startMoto(env: Readonly<Record<string, string>> = {}): Promise<Emulator> {
  const command = join(placeOf('moto'), 'bin', 'moto_server')
  return launch((port) => ({ name: 'moto', command, args: ['-H', '127.0.0.1', '-p', String(port)], env }))
}
