import { join, resolve } from 'node:path'
import { folderName } from '../../config/option-value.js'
import type { ResolvedOptions } from '../../config/resolve-options.js'
import { MillraceError } from '../contract/errors.js'
import type { JobDefinition, JobGraph } from '../contract/graph.js'
import { bundleJob, type Bundle } from './bundle.js'
import { mainClock } from './clock.js'
import { buildGraph, importJob } from './job-module.js'
import { ownModule } from './own-package.js'

/** A job file, bundled and imported. */
export interface LoadedJob {
  readonly job: JobDefinition
  readonly bundle: Bundle
}

/** A job that is ready to run as far as its file, its parameters and the options say. */
export interface PreparedJob extends LoadedJob {
  readonly jobId: string
  readonly graph: JobGraph
  readonly params: Readonly<Record<string, string>>
  readonly checkpointUrl: string
  readonly checkpointIntervalMs: number
}

/** Bundles and imports. MILLRACE_JOB_FILE says what is wrong with the file. */
export async function loadJob(jobFile: string): Promise<LoadedJob> {
  const bundle = await bundleJob(jobFile, { nowMs: () => mainClock.now(), resolveOwn: ownModule })
  return { bundle, job: await importJob(bundle, jobFile) }
}

/** Builds the job's graph and fills in what the options leave to the job. MILLRACE_PARAM, MILLRACE_GRAPH or MILLRACE_USAGE. */
export function prepareJob(loaded: LoadedJob, { values, origins }: ResolvedOptions): PreparedJob {
  const { job, bundle } = loaded
  const jobId = values.jobId ?? nameAsId(job.name)
  const own = origins.checkpointIntervalMs === undefined ? job.checkpointIntervalMs : undefined
  return {
    ...loaded,
    jobId,
    params: values.params,
    graph: buildGraph(job, values.params, bundle),
    checkpointUrl: values.checkpointDir ?? join(resolve('.millrace'), jobId),
    checkpointIntervalMs: own ?? values.checkpointIntervalMs,
  }
}

function nameAsId(name: string): string {
  if (folderName.parse(name) !== undefined) return name
  throw new MillraceError('MILLRACE_USAGE', `the job's name ${JSON.stringify(name)} cannot be its id`, {
    hint: `give one with --job-id: ${folderName.form}`,
  })
}
