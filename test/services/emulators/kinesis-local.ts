import { dirname } from 'node:path'
import { createRequire } from 'node:module'
import { type Emulator, launch } from './emulator.js'
import { freePort } from './free-port.js'

/** kinesis-local, with its TLS (HTTP/2) end beside the plain one. */
export interface KinesisLocal extends Emulator {
  /** `https://127.0.0.1:PORT` with a self-signed certificate. */
  readonly tlsEndpoint: string
}

/** Starts kinesis-local (npm). Account 123456789012, 500 shards at most; streams and consumers are ACTIVE after 20 ms. About 2 s. */
export async function startKinesisLocal(env: Readonly<Record<string, string>> = {}): Promise<KinesisLocal> {
  const main = createRequire(import.meta.url).resolve('kinesis-local/main.js')
  let tlsPort = 0
  const emulator = await launch(async (port) => {
    tlsPort = await freePort()
    return {
      name: 'kinesis-local',
      command: process.execPath,
      args: [main],
      // It finds its certificate only from its own folder.
      cwd: dirname(main),
      env: { KINESIS_MOCK_PLAIN_PORT: String(port), KINESIS_MOCK_TLS_PORT: String(tlsPort), ...SETTINGS, ...env },
    }
  })
  return Object.assign(emulator, { tlsEndpoint: `https://127.0.0.1:${tlsPort}` })
}

const SETTINGS = {
  AWS_ACCOUNT_ID: '123456789012',
  AWS_REGION: 'us-east-1',
  SHARD_LIMIT: '500',
  LOG_LEVEL: 'ERROR',
  NODE_OPTIONS: '',
  CREATE_STREAM_DURATION: '20ms',
  DELETE_STREAM_DURATION: '20ms',
  REGISTER_STREAM_CONSUMER_DURATION: '20ms',
  DEREGISTER_STREAM_CONSUMER_DURATION: '20ms',
  MERGE_SHARDS_DURATION: '20ms',
  SPLIT_SHARD_DURATION: '20ms',
  UPDATE_SHARD_COUNT_DURATION: '20ms',
}
