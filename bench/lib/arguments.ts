import { parseArgs } from 'node:util'

/** The jobs there are, a file each in `bench/jobs`. */
export const JOBS: readonly string[] = [
  'source',
  'jsontext',
  'exchange',
  'wind',
  'windjson',
  'sessionize',
  'wordcount',
  'dedup',
  'q5',
  'q8',
  'q11',
]

/** What a run is asked for. */
export interface BenchArguments {
  readonly job: string
  readonly records: number
  readonly parallelism: number
  /** 0: only the last checkpoint. */
  readonly checkpointIntervalMs: number
  readonly ttlMs: number | undefined
  readonly failAfter: number | undefined
  readonly failBy: 'throw' | 'exit'
  readonly memory: string | undefined
  readonly checkpointDir: string | undefined
  /** A folder for CPU profiles of the slots. */
  readonly profile: string | undefined
}

const USAGE = `usage: npm run -s bench -- --job ${JOBS.join('|')} --records N [--parallelism P]
  [--checkpoint-interval MS] [--ttl MS] [--fail-after INDEX | --kill-worker-after INDEX]
  [--memory SIZE] [--checkpoint-dir DIR] [--profile DIR]`

/** The arguments; throws an error whose message says what is wrong. */
export function parseArguments(args: readonly string[]): BenchArguments {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      job: text,
      records: text,
      parallelism: text,
      'checkpoint-interval': text,
      ttl: text,
      'fail-after': text,
      'kill-worker-after': text,
      memory: text,
      'checkpoint-dir': text,
      profile: text,
    },
  })
  if (values.job === undefined || !JOBS.includes(values.job)) throw new Error(`--job: no such job\n${USAGE}`)
  const whole = (name: keyof typeof values, least: number): number | undefined => {
    const given = values[name]
    if (given === undefined) return undefined
    if (/^\d+$/.test(given) && Number(given) >= least && Number.isSafeInteger(Number(given))) return Number(given)
    throw new Error(`--${name}: a whole number from ${least} is needed, not ${given}\n${USAGE}`)
  }
  const records = whole('records', 1)
  if (records === undefined) throw new Error(`--records is missing\n${USAGE}`)
  const ttlMs = whole('ttl', 1)
  if (ttlMs !== undefined && values.job !== 'dedup') throw new Error(`--ttl is for --job dedup\n${USAGE}`)
  const checkpointIntervalMs = whole('checkpoint-interval', 0) ?? 0
  const killAfter = whole('kill-worker-after', 0)
  const failAfter = killAfter ?? whole('fail-after', 0)
  if (failAfter !== undefined && (failAfter > records / 2 || checkpointIntervalMs === 0)) {
    throw new Error('a failure needs a --checkpoint-interval, and an index in the first half: it follows a checkpoint')
  }
  return {
    job: values.job,
    records,
    parallelism: whole('parallelism', 1) ?? 1,
    checkpointIntervalMs,
    ttlMs,
    failAfter,
    failBy: killAfter === undefined ? 'throw' : 'exit',
    memory: values.memory,
    checkpointDir: values['checkpoint-dir'],
    profile: values.profile,
  }
}
