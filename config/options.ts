import {
  bytes,
  decimal,
  duration,
  durationFrom,
  durationOrNone,
  flag,
  folderName,
  integer,
  metricNamespace,
  oneOf,
  text,
  type ValueType,
} from './option-value.js'

/** How much is logged, from nearly everything to nothing. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** The values of all options, in the units their names say. */
export interface OptionValues {
  /** Undefined: the job's name. */
  readonly jobId: string | undefined
  readonly parallelism: number
  readonly maxParallelism: number
  readonly config: string | undefined
  /** Undefined: `.millrace/<job-id>` in the working directory. */
  readonly checkpointDir: string | undefined
  /** 0: none but the last one. */
  readonly checkpointIntervalMs: number
  /** Infinity: none. */
  readonly alignmentTimeoutMs: number
  /** `latest`, `none`, or where a checkpoint is. */
  readonly restore: string
  readonly claimMode: 'no-claim' | 'claim'
  readonly allowNonRestoredState: boolean
  readonly allowDuplicateOutput: boolean
  readonly checkpointTimeoutMs: number
  readonly minPauseBetweenCheckpointsMs: number
  readonly maxConcurrentCheckpoints: number
  readonly toleratedCheckpointFailures: number
  readonly retainCheckpoints: number
  readonly cleanupCheckpoints: 'never' | 'finished' | 'ended'
  readonly restartStrategy: 'exponential' | 'fixed' | 'failure-rate' | 'none'
  readonly restartAttempts: number
  /** Undefined: as the strategy has it. */
  readonly restartDelayMs: number | undefined
  readonly restartMaxDelayMs: number
  readonly restartBackoff: number
  readonly restartJitter: number
  readonly restartResetThresholdMs: number
  readonly restartMaxFailures: number
  readonly restartFailureIntervalMs: number
  /** Wait while a live process holds the job. */
  readonly standby: boolean
  readonly memoryBytes: number
  /** 0: never. */
  readonly watchdogTimeoutMs: number
  readonly stopTimeoutMs: number
  readonly metrics: 'none' | 'cloudwatch'
  readonly metricsNamespace: string
  readonly metricsIntervalMs: number
  readonly metricsLevel: 'application' | 'task' | 'operator' | 'parallelism'
  readonly metricsMaxSeries: number
  readonly json: boolean
  readonly logLevel: LogLevel
  readonly logFormat: 'text' | 'json'
  readonly params: Readonly<Record<string, string>>
}

/** The name of an option's value in code. */
export type OptionName = keyof OptionValues

/** One option: everything that the command line, the environment, the config file and `--help` know of it. */
export interface OptionSpec<T> {
  /** `--<key>` on the command line, `MILLRACE_<KEY>` in the environment, in camelCase in the config file. */
  readonly key: string
  /** What stands for the value in `--help`; undefined for a switch. */
  readonly argument?: string
  readonly type: ValueType<T>
  /** As it would be given. */
  readonly default?: string
  /** What the default is in words, where it isn't a value. */
  readonly defaultNote?: string
  readonly description: string
  /** May be given more than once, as `name=value`. */
  readonly pairs?: true
  /** Not in the config file. */
  readonly notInFile?: true
}

const MB = 2 ** 20
/** Flink's bound: a key group is 15 bits. */
const MAX_KEY_GROUPS = 2 ** 15
const pair: ValueType<never> = { form: 'NAME=VALUE', parse: () => undefined }

/** Every option there is: the only place that names them. */
export const OPTIONS: {
  readonly [N in OptionName]: OptionSpec<N extends 'params' ? never : NonNullable<OptionValues[N]>>
} = {
  jobId: {
    key: 'job-id',
    argument: 'ID',
    type: folderName,
    defaultNote: "the job's name",
    description: 'what the checkpoints belong to; another id is another job',
  },
  parallelism: {
    key: 'parallelism',
    argument: 'N',
    type: integer(1, 1024),
    default: '1',
    description: 'threads, each with one subtask of every operator',
  },
  maxParallelism: {
    key: 'max-parallelism',
    argument: 'N',
    type: integer(1, MAX_KEY_GROUPS),
    default: '128',
    description: 'key groups, the most threads the job can ever have; fixed by its first checkpoint',
  },
  params: {
    key: 'param',
    argument: 'NAME=VALUE',
    type: pair,
    pairs: true,
    description: 'a parameter of the job; may be given more than once (environment: one a line; file: "params")',
  },
  config: {
    key: 'config',
    argument: 'FILE',
    type: text,
    notInFile: true,
    description: 'JSON file with these options in camelCase ("checkpointDir": ...), "params" and "propertyGroups"',
  },
  checkpointDir: {
    key: 'checkpoint-dir',
    argument: 'DIR|s3://...',
    type: text,
    defaultNote: '.millrace/<job-id> in the working directory',
    description: 'where checkpoints are kept',
  },
  checkpointIntervalMs: {
    key: 'checkpoint-interval',
    argument: 'DURATION',
    type: duration,
    default: '10s',
    defaultNote: "the job's own, else 10s",
    description: 'time between checkpoints; 0s: only the last one',
  },
  alignmentTimeoutMs: {
    key: 'alignment-timeout',
    argument: 'DURATION|none',
    type: durationOrNone,
    default: '30s',
    description: 'how long the barriers of a checkpoint wait in line; then they overtake records, which go into it',
  },
  restore: {
    key: 'restore',
    argument: 'latest|none|PATH',
    type: text,
    default: 'latest',
    description: 'go on from the last checkpoint, from none, or from that checkpoint file or folder',
  },
  claimMode: {
    key: 'claim-mode',
    argument: 'no-claim|claim',
    type: oneOf(['no-claim', 'claim']),
    default: 'no-claim',
    description: 'with --restore PATH to a savepoint: leave it alone, or delete it after the first own checkpoint',
  },
  allowNonRestoredState: {
    key: 'allow-non-restored-state',
    type: flag,
    default: 'false',
    description: 'drop state of the checkpoint that no operator of the job claims',
  },
  allowDuplicateOutput: {
    key: 'allow-duplicate-output',
    type: flag,
    default: 'false',
    description: 'with --restore PATH: also where later checkpoints have published output that will come again',
  },
  checkpointTimeoutMs: {
    key: 'checkpoint-timeout',
    argument: 'DURATION',
    type: durationFrom(10, '10ms'),
    default: '10m',
    description: 'how long a checkpoint may take; then it has failed',
  },
  minPauseBetweenCheckpointsMs: {
    key: 'min-pause-between-checkpoints',
    argument: 'DURATION',
    type: duration,
    default: '0s',
    description: 'least time from the end of a checkpoint to the next one that the clock begins',
  },
  maxConcurrentCheckpoints: {
    key: 'max-concurrent-checkpoints',
    argument: 'N',
    type: integer(1, 100),
    default: '1',
    description: 'checkpoints that may be under way at once',
  },
  toleratedCheckpointFailures: {
    key: 'tolerated-checkpoint-failures',
    argument: 'N',
    type: integer(0, 1_000_000),
    default: '0',
    description: 'checkpoints that may fail one after the other before the job restarts from its last one',
  },
  retainCheckpoints: {
    key: 'retain-checkpoints',
    argument: 'N',
    type: integer(1, 1_000),
    default: '2',
    description: 'completed checkpoints that are kept',
  },
  cleanupCheckpoints: {
    key: 'cleanup-checkpoints',
    argument: 'never|finished|ended',
    type: oneOf(['never', 'finished', 'ended']),
    default: 'never',
    description: 'delete them when the job has finished; ended: also when it was canceled',
  },
  restartStrategy: {
    key: 'restart-strategy',
    argument: 'exponential|fixed|failure-rate|none',
    type: oneOf(['exponential', 'fixed', 'failure-rate', 'none']),
    default: 'exponential',
    description: 'when a job that failed tries again, and when it has failed for good',
  },
  restartAttempts: {
    key: 'restart-attempts',
    argument: 'N',
    type: integer(0, 1_000_000),
    default: '10',
    description:
      'exponential: failures without a checkpoint between them before the job fails for good; fixed: restarts in all',
  },
  restartDelayMs: {
    key: 'restart-delay',
    argument: 'DURATION',
    type: duration,
    defaultNote: '50ms; fixed and failure-rate: 1s',
    description: 'time before a restart; exponential: before the first one',
  },
  restartMaxDelayMs: {
    key: 'restart-max-delay',
    argument: 'DURATION',
    type: duration,
    default: '30s',
    description: 'exponential: the longest delay',
  },
  restartBackoff: {
    key: 'restart-backoff',
    argument: 'FACTOR',
    type: decimal(1, 100),
    default: '2',
    description: 'exponential: each delay is so many times the one before',
  },
  restartJitter: {
    key: 'restart-jitter',
    argument: 'SHARE',
    type: decimal(0, 1),
    default: '0',
    description: 'exponential: share of a delay by which it may be longer or shorter, at random',
  },
  restartResetThresholdMs: {
    key: 'restart-reset-threshold',
    argument: 'DURATION',
    type: durationFrom(1, '1ms'),
    default: '1h',
    description: 'exponential: after so long without a failure delays begin anew, as after a checkpoint',
  },
  restartMaxFailures: {
    key: 'restart-max-failures',
    argument: 'N',
    type: integer(1, 1_000_000),
    default: '1',
    description: 'failure-rate: failures within the interval before the job fails for good at the next one',
  },
  restartFailureIntervalMs: {
    key: 'restart-failure-interval',
    argument: 'DURATION',
    type: durationFrom(1, '1ms'),
    default: '1m',
    description: 'failure-rate: the interval in which failures are counted',
  },
  standby: {
    key: 'standby',
    type: flag,
    default: 'false',
    description: 'wait while another process runs the job, and take over when it dies or falls silent',
  },
  memoryBytes: {
    key: 'memory',
    argument: 'SIZE',
    type: bytes(16 * MB),
    default: '512MB',
    description: 'for buffers, state cache and LevelDB of all threads together',
  },
  watchdogTimeoutMs: {
    key: 'watchdog-timeout',
    argument: 'DURATION',
    type: duration,
    default: '60s',
    description: 'how long a function may keep its thread to itself before the attempt fails; 0s: for ever',
  },
  stopTimeoutMs: {
    key: 'stop-timeout',
    argument: 'DURATION',
    type: duration,
    default: '25s',
    description: 'how long the last checkpoint may take after SIGINT or SIGTERM; then exit 4',
  },
  metrics: {
    key: 'metrics',
    argument: 'none|cloudwatch',
    type: oneOf(['none', 'cloudwatch']),
    default: 'none',
    description: "where the job's metrics are published",
  },
  metricsNamespace: {
    key: 'metrics-namespace',
    argument: 'NAME',
    type: metricNamespace,
    default: 'Millrace',
    description: 'CloudWatch namespace of the metrics',
  },
  metricsIntervalMs: {
    key: 'metrics-interval',
    argument: 'DURATION',
    type: durationFrom(1000, '1s'),
    default: '60s',
    description: 'time between two points of a metric; under 60s they are stored at high resolution, which costs more',
  },
  metricsLevel: {
    key: 'metrics-level',
    argument: 'LEVEL',
    type: oneOf(['application', 'task', 'operator', 'parallelism']),
    default: 'application',
    description: 'application, task, operator or parallelism: each adds series to those of the ones before it',
  },
  metricsMaxSeries: {
    key: 'metrics-max-series',
    argument: 'N',
    type: integer(1, 1_000_000),
    default: '500',
    description: 'series published at most, which is what CloudWatch bills; the finest are left out first',
  },
  json: {
    key: 'json',
    type: flag,
    default: 'false',
    description: 'print the result as one JSON object, the last line of standard output',
  },
  logLevel: {
    key: 'log-level',
    argument: 'LEVEL',
    type: oneOf(['debug', 'info', 'warn', 'error', 'silent']),
    default: 'info',
    description: 'debug, info (with progress), warn, error or silent',
  },
  logFormat: {
    key: 'log-format',
    argument: 'text|json',
    type: oneOf(['text', 'json']),
    default: 'text',
    description: 'lines for people, or one JSON object a line, on standard error',
  },
}

/** The option's name in the environment. */
export function environmentName(spec: { readonly key: string }): string {
  return `MILLRACE_${spec.key.toUpperCase().replaceAll('-', '_')}`
}

/** The option's name in the config file. */
export function fileName(spec: { readonly key: string; readonly pairs?: true }): string {
  return spec.pairs ? `${spec.key}s` : spec.key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
