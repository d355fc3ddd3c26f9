import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { RunRequest } from './live-run.js'

const run = promisify(execFile)
/** A duplicate in twenty orders: so many more make the keys. */
const ORDERS_PER_KEY = 1.05
const TTL_MS = 2 ** 40
const INTERVAL_MS = 3000

/** What a run of Flink says of itself. */
export interface FlinkFigures {
  readonly checkpoint_mean_ms: number
  readonly checkpoint_last_bytes: number
  readonly checkpoint_last_written_bytes: number
  readonly recover_first_output_ms: number
}

/** `dedup` in Flink with RocksDB and incremental checkpoints; its source fails right after a checkpoint that holds the keys. */
export async function flinkRun(directory: string, { keys, parallelism, folder }: RunRequest): Promise<FlinkFigures> {
  const failAfter = Math.round(keys * ORDERS_PER_KEY)
  const options = {
    job: 'dedup',
    backend: 'rocksdb',
    incremental: true,
    parallelism,
    records: Math.round(failAfter * 1.4),
    ttl: TTL_MS,
    'fail-after': failAfter,
    'checkpoint-interval': INTERVAL_MS,
    'checkpoint-dir': join(folder, 'checkpoints'),
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const { stdout } = await run(join(directory, 'run.sh'), args, {
    env: { ...process.env, HEAP: '-Xms4g -Xmx4g -XX:+UseParallelGC' },
    maxBuffer: 2 ** 26,
  })
  const line = stdout.split('\n').find((one) => one.startsWith('{'))
  if (line === undefined) throw new Error('Flink has printed no line')
  return JSON.parse(line) as FlinkFigures
}
