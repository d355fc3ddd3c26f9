import { MillraceError } from '../contract/errors.js'
import type { JobDefinition, JobGraph } from '../contract/graph.js'
import type { Bundle } from './bundle.js'
import { userPlace } from './user-place.js'

/**
 * Imports the bundle and checks that it is a job. MILLRACE_JOB_FILE for what isn't, and for what the file throws while it is imported,
 * with the line of the user's file.
 */
export async function importJob(bundle: Bundle, jobFile: string): Promise<JobDefinition> {
  process.setSourceMapsEnabled(true)
  let module: { readonly default?: unknown }
  try {
    module = (await import(bundle.url)) as { readonly default?: unknown }
  } catch (error) {
    throw userError('MILLRACE_JOB_FILE', `job file ${jobFile} failed while it was imported`, error, bundle)
  }
  const job = module.default as Partial<JobDefinition> | null | undefined
  const hint = 'end the file with: export default defineJob({ name, params, build })'
  if (job === undefined)
    throw new MillraceError('MILLRACE_JOB_FILE', `job file ${jobFile} has no default export`, { hint })
  if (job?.millraceJob !== 1) {
    throw new MillraceError('MILLRACE_JOB_FILE', `the default export of ${jobFile} is not a job made by defineJob`, {
      hint,
    })
  }
  return job as JobDefinition
}

/** The job's graph for these parameters. What the job's own code throws gets the user's line. */
export function buildGraph(job: JobDefinition, params: Readonly<Record<string, string>>, bundle: Bundle): JobGraph {
  try {
    return job.build(params)
  } catch (error) {
    throw userError('MILLRACE_USER', `job "${job.name}" failed while its graph was built`, error, bundle)
  }
}

function userError(
  code: 'MILLRACE_USER' | 'MILLRACE_JOB_FILE',
  what: string,
  error: unknown,
  bundle: Bundle,
): MillraceError {
  const own = error as Partial<MillraceError>
  const said = own?.at?.replace(/:\d+:\d+$/, '')
  const at = said !== undefined && bundle.sources.has(said) ? own.at : userPlace(error, bundle.sources)
  const place = at === undefined ? {} : { at }
  if (typeof own?.code === 'string' && own.code.startsWith('MILLRACE_') && error instanceof Error) {
    const hint = own.hint === undefined ? {} : { hint: own.hint }
    return new MillraceError(own.code, error.message, { ...hint, ...place, cause: error })
  }
  let [reason] = (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).split('\n') as [string]
  for (const [url, name] of bundle.names) reason = reason.replaceAll(url, name)
  return new MillraceError(code, `${what}: ${reason}`, { hint: 'mend the job file', ...place, cause: error })
}
