import { MillraceError } from '../../../runtime/contract/errors.js'
import { MAX_OBJECT_BYTES } from './restored-object.js'

/** When an object is ended and, once a checkpoint is complete, published. Whichever comes first. */
export interface RollOptions {
  /** It has reached so many bytes, compressed if it is. Default 128 MB, at most 45,000 MB. */
  readonly bytes?: number
  /** It has so many records. Default: any number. */
  readonly records?: number
  /** It is so old, by the machine's clock. Default one minute. */
  readonly intervalMs?: number
  /** Nothing has been written to it for so long. Default one minute. */
  readonly inactivityMs?: number
  /** Any checkpoint ends it. Default false: a checkpoint holds what is open. */
  readonly onCheckpoint?: boolean
}

/** {@link RollOptions} with every default. */
export type RollPolicy = Required<RollOptions>

/** The defaults are those of Flink's DefaultRollingPolicy. MILLRACE_GRAPH for what is no policy. */
export function rollPolicy(options: RollOptions = {}): RollPolicy {
  const policy: RollPolicy = {
    bytes: options.bytes ?? 128 * 1024 * 1024,
    records: options.records ?? Infinity,
    intervalMs: options.intervalMs ?? 60_000,
    inactivityMs: options.inactivityMs ?? 60_000,
    onCheckpoint: options.onCheckpoint ?? false,
  }
  for (const name of ['bytes', 'records', 'intervalMs', 'inactivityMs'] as const) {
    if (policy[name] > 0) continue
    throw new MillraceError('MILLRACE_GRAPH', `s3Sink roll.${name} is not a positive number: ${policy[name]}`)
  }
  if (policy.bytes > MAX_OBJECT_BYTES) {
    throw new MillraceError('MILLRACE_GRAPH', `s3Sink roll.bytes is more than ${MAX_OBJECT_BYTES}: ${policy.bytes}`, {
      hint: 'S3 takes no more parts of 5 MiB; give less',
    })
  }
  return policy
}
