import { resolveOptions } from '../../dist/config/resolve-options.js'
import { prepareJob, loadJob } from '../../dist/runtime/cli/prepare-job.js'
import { runJob } from '../../dist/runtime/cli/run-job.js'
import type { CheckpointFigures } from './checkpoint-log.js'

/** A job to be run, and who wants to know of it. */
export interface Submission {
  readonly jobFile: string
  /** As on the command line. */
  readonly options: Readonly<Record<string, string>>
  readonly params: Readonly<Record<string, string>>
  /** The job is bundled and checked, and goes off. */
  readonly submitting: () => void
  readonly restarted: () => void
  readonly checkpoint: (checkpoint: CheckpointFigures) => void
}

/** Runs a job on threads to its end. */
export async function submit(job: Submission): Promise<{ readonly status: string; readonly reason: string | undefined }> {
  const flags: Record<string, string[]> = { param: Object.entries(job.params).map(([name, value]) => `${name}=${value}`) }
  for (const [name, value] of Object.entries(job.options)) flags[name] = [value]
  const resolved = resolveOptions(flags, {})
  const prepared = prepareJob(await loadJob(job.jobFile), resolved)
  job.submitting()
  const result = await runJob(prepared, resolved, {
    events: {
      print: console.error,
      warn: (uid, message) => console.error(`${uid}: ${message}`),
      started: ({ attempt }) => {
        if (attempt > 1) job.restarted()
      },
      progress: () => {},
      checkpoint: job.checkpoint,
      checkpointFailed: ({ checkpointId, reason }) => console.error(`checkpoint ${checkpointId} failed: ${reason}`),
      failed: ({ error }) => console.error(`failed: ${error.message}`),
    },
    running: () => {},
    warn: console.error,
  })
  return { status: result.status, reason: result.failure?.error.message }
}
