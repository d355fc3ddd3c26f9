import { join, resolve } from 'node:path'
import { folderName } from '../../config/option-value.js'
import { paramsOfGroups } from '../../config/property-groups.js'
import type { ResolvedOptions } from '../../config/resolve-options.js'
import { MillraceError } from '../contract/errors.js'
import type { JobDefinition, JobGraph } from '../contract/graph.js'
import type { CheckpointRules } from '../coordinator/checkpoint-rules.js'
import type { RestartSettings } from '../coordinator/restart-strategy.js'
import { bundleJob, type Bundle } from './bundle.js'
import { checkpointRules } from './checkpoint-settings.js'
import { mainClock } from './clock.js'
import { buildGraph, importJob } from './job-module.js'
import { ownModule } from './own-package.js'
import { withRedactedPlaces } from './redacted-places.js'
import type { Redactor } from './redactor.js'
import { restartSettings } from './restart-settings.js'
import { SecretParams, type ParamTexts } from './secret-params.js'

/** A job file, bundled and imported. */
export interface LoadedJob {
  readonly job: JobDefinition
  readonly bundle: Bundle
}

/** A job that is ready to run as far as its file, its parameters and the options say. */
export interface PreparedJob extends LoadedJob {
  readonly jobId: string
  readonly graph: JobGraph
  /** As they were given: secrets by their names. */
  readonly params: ParamTexts
  /** With what the secrets stand for. */
  readonly secretParams: SecretParams
  /** The graph for the secrets as they are now. */
  readonly rebuild: () => JobGraph
  readonly checkpointUrl: string
  readonly checkpointing: CheckpointRules
  readonly restart: RestartSettings
}

/** Bundles and imports. MILLRACE_JOB_FILE says what is wrong with the file. */
export async function loadJob(jobFile: string): Promise<LoadedJob> {
  const bundle = await bundleJob(jobFile, { nowMs: () => mainClock.now(), resolveOwn: ownModule })
  return { bundle, job: await importJob(bundle, jobFile) }
}

/**
 * Reads the secrets that parameters name, builds the job's graph and fills in what the options leave to the job. MILLRACE_PARAM,
 * MILLRACE_GRAPH or MILLRACE_USAGE, to be redacted.
 */
export async function prepareJob(
  loaded: LoadedJob,
  resolved: ResolvedOptions,
  redactor: Redactor,
): Promise<PreparedJob> {
  const { values, propertyGroups } = resolved
  const { job, bundle } = loaded
  const jobId = values.jobId ?? nameAsId(job.name)
  const grouped =
    propertyGroups === undefined ? {} : paramsOfGroups(job.name, job.params, propertyGroups, values.params)
  const params = { ...grouped, ...values.params }
  const secretParams = await SecretParams.read(params, job.params, redactor)
  const rebuild = (): JobGraph => withRedactedPlaces(buildGraph(job, secretParams.values, bundle), redactor)
  return {
    ...loaded,
    jobId,
    params,
    secretParams,
    graph: rebuild(),
    rebuild,
    checkpointUrl: values.checkpointDir ?? join(resolve('.millrace'), jobId),
    checkpointing: checkpointRules(resolved, job),
    restart: restartSettings(resolved),
  }
}

function nameAsId(name: string): string {
  if (folderName.parse(name) !== undefined) return name
  throw new MillraceError('MILLRACE_USAGE', `the job's name ${JSON.stringify(name)} cannot be its id`, {
    hint: `give one with --job-id: ${folderName.form}`,
  })
}
