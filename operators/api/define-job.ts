import { MillraceError } from '../../runtime/contract/errors.js'
import type { JobDefinition } from '../../runtime/contract/graph.js'
import { isThenable } from '../process/user-function.js'
import { positiveDurationMs, type Duration } from './duration.js'
import { BuiltEnvironment, type StreamEnvironment } from './environment.js'
import { paramSpecs, paramValues, type ParamDeclarations, type ParamValues } from './param-values.js'

/** What a job is: see {@link defineJob}. */
export interface JobOptions<P extends ParamDeclarations> {
  /** For people, and the job's id unless another is given. */
  readonly name: string
  /** Parameters, by name: `{ input: p.source('datagen:turbines'), threshold: p.number(60) }`. */
  readonly params?: P
  /** The job's own default, `'1s'`; options of the command line win over it. */
  readonly checkpointInterval?: Duration
  /**
   * Says what the job does. A pure, synchronous function of the parameters: it runs again in every thread, and must make the same graph
   * there. No clock, no chance, no files.
   */
  build(env: StreamEnvironment, params: ParamValues<P>): void | undefined
}

/**
 * A job: a job file's default export.
 *
 * MILLRACE_GRAPH for options of the wrong form; what is wrong with parameters or the graph comes out when it is built.
 */
export function defineJob<P extends ParamDeclarations = Record<never, never>>(options: JobOptions<P>): JobDefinition {
  const { name, params = {} as P, checkpointInterval } = options
  if (typeof name !== 'string' || name === '') {
    throw new MillraceError('MILLRACE_GRAPH', 'defineJob() needs a name', {
      hint: "defineJob({ name: 'windTurbine', ... })",
    })
  }
  if (typeof options.build !== 'function') {
    throw new MillraceError('MILLRACE_GRAPH', `job ${name} has no build function`, {
      hint: 'defineJob({ name, build(env, params) { ... } })',
    })
  }
  return {
    millraceJob: 1,
    name,
    params: paramSpecs(params),
    ...(checkpointInterval === undefined
      ? {}
      : { checkpointIntervalMs: positiveDurationMs(checkpointInterval, 'checkpointInterval') }),
    build(given) {
      const values = paramValues(params, given)
      const env = new BuiltEnvironment()
      const result: unknown = options.build(env, values)
      if (isThenable(result)) {
        ;(result as PromiseLike<unknown>).then(undefined, () => undefined)
        throw new MillraceError('MILLRACE_GRAPH', `the build function of job ${name} is async`, {
          hint: 'build() only says what the job does; read what it needs before defineJob(), or in a source',
        })
      }
      return env.build()
    },
  }
}
