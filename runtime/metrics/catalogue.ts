/** What a level of `--metrics-level` adds to the ones before it. */
export type MetricsLevel = 'application' | 'task' | 'operator' | 'parallelism'

/** From the fewest series to the most. */
export const METRICS_LEVELS: readonly MetricsLevel[] = ['application', 'task', 'operator', 'parallelism']

/** As CloudWatch names them. */
export type MetricUnit = 'Count' | 'Count/Second' | 'Milliseconds' | 'Bytes' | 'Percent' | 'None'

/** A metric that every job has. */
export interface EngineMetric {
  readonly name: string
  readonly unit: MetricUnit
  readonly levels: readonly MetricsLevel[]
  /** At which levels it is also there in groups (of one shard); absent: in a group it is the user's metric, not this one. */
  readonly inGroups?: readonly MetricsLevel[]
  /** Operators and connectors count it, through the contract; else the engine alone does. */
  readonly fromOperators?: true
  readonly meaning: string
}

const EVERY = METRICS_LEVELS
const OF_TASKS: readonly MetricsLevel[] = ['application', 'task', 'parallelism']
const OF_JOB: readonly MetricsLevel[] = ['application']

/**
 * The engine's own metrics, by the names that users of Amazon Managed Service for Apache Flink know. What is first is published first
 * where there are too many.
 */
export const ENGINE_METRICS: readonly EngineMetric[] = [
  {
    name: 'numRecordsIn',
    unit: 'Count',
    levels: EVERY,
    meaning: "records received since the job's first start; of the application: by its sources, invalid ones included",
  },
  {
    name: 'numRecordsInPerSecond',
    unit: 'Count/Second',
    levels: EVERY,
    meaning: 'the same, a second, on average since the last point',
  },
  {
    name: 'numRecordsOut',
    unit: 'Count',
    levels: EVERY,
    meaning: "records emitted since the job's first start; of the application: to all sinks",
  },
  {
    name: 'numRecordsOutPerSecond',
    unit: 'Count/Second',
    levels: EVERY,
    meaning: 'the same, a second, on average since the last point',
  },
  {
    name: 'numLateRecordsDropped',
    unit: 'Count',
    levels: EVERY,
    fromOperators: true,
    meaning: "late records that nobody reads, since the job's first start; operators that can drop any have it",
  },
  {
    name: 'numInvalidRecords',
    unit: 'Count',
    levels: EVERY,
    fromOperators: true,
    meaning: "records of sources that did not decode, since the job's first start",
  },
  {
    name: 'numFailedRecords',
    unit: 'Count',
    levels: EVERY,
    meaning:
      "records and timers that functions threw for, while the job went on, since the job's first start; operators that may go on have it",
  },
  {
    name: 'numFailedRecordsDropped',
    unit: 'Count',
    levels: EVERY,
    meaning: "those of them that were dropped, since the job's first start",
  },
  {
    name: 'millisBehindLatest',
    unit: 'Milliseconds',
    levels: EVERY,
    inGroups: ['parallelism'],
    fromOperators: true,
    meaning:
      'how far the Kinesis source is behind the tip of its stream: of the shard furthest behind; each shard by itself at level parallelism',
  },
  {
    name: 'currentInputWatermark',
    unit: 'Milliseconds',
    levels: EVERY,
    meaning: 'the lowest watermark received, epoch milliseconds; of the application: that of its sources',
  },
  {
    name: 'currentOutputWatermark',
    unit: 'Milliseconds',
    levels: EVERY,
    meaning: 'the lowest watermark emitted, epoch milliseconds; of the application: that which all sinks have reached',
  },
  {
    name: 'busyTimeMsPerSecond',
    unit: 'Milliseconds',
    levels: OF_TASKS,
    meaning: 'time a second that a subtask worked; a value of each subtask: Maximum is the hottest',
  },
  {
    name: 'backPressuredTimeMsPerSecond',
    unit: 'Milliseconds',
    levels: OF_TASKS,
    meaning:
      'time a second that a subtask had something to do but waited: its output was full, or a service or disk slow',
  },
  {
    name: 'idleTimeMsPerSecond',
    unit: 'Milliseconds',
    levels: OF_TASKS,
    meaning: 'the rest of the second',
  },
  {
    name: 'uptime',
    unit: 'Milliseconds',
    levels: OF_JOB,
    meaning: 'since the last start or restart; 0 while the job is down, -1 when it has ended',
  },
  {
    name: 'downtime',
    unit: 'Milliseconds',
    levels: OF_JOB,
    meaning: 'since the failure, while the job is being restarted; 0 while it runs, -1 when it has ended',
  },
  {
    name: 'fullRestarts',
    unit: 'Count',
    levels: OF_JOB,
    meaning: 'restarts after failures in this process',
  },
  {
    name: 'lastCheckpointDuration',
    unit: 'Milliseconds',
    levels: OF_JOB,
    meaning: 'of the last completed checkpoint, from trigger to published',
  },
  {
    name: 'lastCheckpointSize',
    unit: 'Bytes',
    levels: OF_JOB,
    meaning: 'all state that the last completed checkpoint refers to',
  },
  {
    name: 'numberOfCompletedCheckpoints',
    unit: 'Count',
    levels: OF_JOB,
    meaning: 'checkpoints completed by this process',
  },
  {
    name: 'numberOfFailedCheckpoints',
    unit: 'Count',
    levels: OF_JOB,
    meaning: 'checkpoints given up by this process',
  },
  {
    name: 'cpuUtilization',
    unit: 'Percent',
    levels: OF_JOB,
    meaning: 'CPU of the process; 100 is all processors that it may use',
  },
  {
    name: 'heapMemoryUtilization',
    unit: 'Percent',
    levels: OF_JOB,
    meaning: "JavaScript heap in use, of its limit; a value of each slot's thread: Maximum is the fullest",
  },
  {
    name: 'threadCount',
    unit: 'Count',
    levels: OF_JOB,
    meaning:
      'threads of the process, those of Node.js included; slots and the main thread where the system does not tell',
  },
  {
    name: 'oldGenerationGCCount',
    unit: 'Count',
    levels: OF_JOB,
    meaning: 'major garbage collections of all slots, in this process',
  },
  {
    name: 'oldGenerationGCTime',
    unit: 'Milliseconds',
    levels: OF_JOB,
    meaning: 'time in major garbage collections, likewise',
  },
  {
    name: 'youngGenerationGCCount',
    unit: 'Count',
    levels: OF_JOB,
    meaning: 'minor garbage collections, likewise',
  },
  {
    name: 'youngGenerationGCTime',
    unit: 'Milliseconds',
    levels: OF_JOB,
    meaning: 'time in minor garbage collections, likewise',
  },
]

const BY_NAME = new Map(ENGINE_METRICS.map((metric, rank) => [metric.name, { ...metric, rank }]))

/** The engine's metric of that name, with its place in the list. */
export function engineMetric(name: string): (EngineMetric & { readonly rank: number }) | undefined {
  return BY_NAME.get(name)
}
