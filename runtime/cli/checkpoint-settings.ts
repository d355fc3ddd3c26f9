import { OPTIONS } from '../../config/options.js'
import type { ResolvedOptions } from '../../config/resolve-options.js'
import { MillraceError } from '../contract/errors.js'
import type { JobDefinition } from '../contract/graph.js'
import type { CheckpointRules } from '../coordinator/checkpoint-rules.js'

/** When checkpoints are taken, as the options and the job say. MILLRACE_USAGE for options that contradict each other. */
export function checkpointRules({ values, origins }: ResolvedOptions, job: JobDefinition): CheckpointRules {
  const { minPauseBetweenCheckpointsMs: minPauseMs, maxConcurrentCheckpoints: maxConcurrent } = values
  if (minPauseMs > 0 && maxConcurrent > 1) {
    const pause = OPTIONS.minPauseBetweenCheckpointsMs.key
    throw new MillraceError(
      'MILLRACE_USAGE',
      `--${OPTIONS.maxConcurrentCheckpoints.key} ${maxConcurrent} and --${pause} contradict each other`,
      { hint: 'with a pause between checkpoints there is one at a time: leave one of the two out' },
    )
  }
  const own = origins.checkpointIntervalMs === undefined ? job.checkpointIntervalMs : undefined
  return {
    intervalMs: own ?? values.checkpointIntervalMs,
    timeoutMs: values.checkpointTimeoutMs,
    alignmentTimeoutMs: values.alignmentTimeoutMs,
    minPauseMs,
    maxConcurrent,
    toleratedFailures: values.toleratedCheckpointFailures,
  }
}
