import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { environmentName, OPTIONS } from '../../config/options.js'
import { MillraceError, serializeError } from '../contract/errors.js'
import type { SavepointInfo } from '../coordinator/savepoints.js'
import { askJob } from '../http/control-client.js'
import type { CheckpointsView, FailuresView, JobView } from '../http/job-control.js'
import { checkpointsText, exceptionsText, listText, statusText, type ListedJob } from './control-text.js'
import { formatBytes } from './format.js'
import { keptExceptions } from './kept-exceptions.js'
import { redrive, redriveText, type Redriven } from './redrive.js'
import { findJob, findRunning, stillRuns, type RunningJob } from './running-jobs.js'
import type { Screen } from './screen.js'
import { tellFailure } from './tell.js'

/** What a verb has done: as `--json` prints it, and in words. */
interface Answer {
  readonly json: unknown
  readonly text: string
}

/** An option of a verb. */
export interface ControlFlag {
  readonly key: string
  readonly argument?: string
  readonly description: string
}

/** The options of one call. */
interface Given {
  readonly json?: boolean
  readonly drain?: boolean
  readonly parallelism?: string
  readonly checkpointDir?: string
  readonly operator?: string
  readonly job?: string
}

/** A verb that asks or tells something of running jobs. */
export interface ControlVerb {
  readonly name: string
  readonly summary: string
  readonly description: string
  /** By name, as the command line's parser takes it. */
  readonly arguments: Readonly<Record<string, string>>
  readonly flags: readonly ControlFlag[]
  readonly run: (args: readonly string[], given: Given) => Promise<Answer>
}

/** What every verb has. */
export const JSON_FLAG: ControlFlag = { key: 'json', description: 'print the answer as one JSON object' }

const JOB = { '<job>': 'the id of a running job, by default its name' }
const CHECKPOINT_DIR_FLAG: ControlFlag = {
  key: OPTIONS.checkpointDir.key,
  argument: OPTIONS.checkpointDir.argument!,
  description: 'where its checkpoints are, if it does not run; by default where submit would keep them',
}
const DIRECTORY = { '[DIR]': 'a folder or s3:// URL that gets a folder for it; by default beside the checkpoints' }
const REFUSED = 2
const FAILED = 1
const LOOK_EVERY_MS = 50

/** All verbs for running jobs. */
export const CONTROL_VERBS: readonly ControlVerb[] = [
  {
    name: 'list',
    summary: 'the jobs that run',
    description: 'Lists the jobs that were submitted in this working directory, or one above it, and still run.',
    arguments: {},
    flags: [],
    run: list,
  },
  {
    name: 'status',
    summary: 'what a running job is doing',
    description: 'Shows what a running job is doing: records, event time, its last checkpoint, its first failure.',
    arguments: JOB,
    flags: [],
    run: async ([job]) => asked(await ask<JobView>(job, 'status'), statusText),
  },
  {
    name: 'checkpoints',
    summary: 'the checkpoints of a running job',
    description: 'Shows the last checkpoints that this process of the job has taken, and those that failed.',
    arguments: JOB,
    flags: [],
    run: async ([job]) => asked(await ask<CheckpointsView>(job, 'checkpoints'), checkpointsText),
  },
  {
    name: 'exceptions',
    summary: 'the failures of a job, running or not, the first one on top',
    description:
      'Shows the failures of a job, of all its processes; of one that does not run, what lies beside its checkpoints. The first since the last checkpoint is on top: later ones are often its consequences.',
    arguments: { '<job>': 'the id of a job, by default its name' },
    flags: [CHECKPOINT_DIR_FLAG],
    run: exceptions,
  },
  {
    name: 'savepoint',
    summary: 'take a savepoint of a running job, which goes on',
    description: 'Takes a savepoint: a checkpoint in a folder of its own, that may be moved. The job goes on.',
    arguments: { ...JOB, ...DIRECTORY },
    flags: [],
    run: async ([job, directory]) => savepointAnswer(await tell<SavepointInfo>(job, 'savepoint', placeOf(directory))),
  },
  {
    name: 'stop',
    summary: 'take a savepoint of a running job and end it',
    description: 'Takes a savepoint and ends the job: its next submit goes on. Waits until it has ended.',
    arguments: { ...JOB, ...DIRECTORY },
    flags: [
      {
        key: 'drain',
        description: 'end it for good: first the end of time goes through the job, which fires all windows and timers',
      },
    ],
    run: stop,
  },
  {
    name: 'cancel',
    summary: 'end a running job without a checkpoint',
    description: 'Ends the job at once, without a checkpoint. Its last one stays. Waits until it has ended.',
    arguments: JOB,
    flags: [],
    run: cancel,
  },
  {
    name: 'rescale',
    summary: 'give a running job another parallelism',
    description: 'Takes a checkpoint and goes on from it in the same process with so many threads.',
    arguments: JOB,
    flags: [{ key: 'parallelism', argument: 'N', description: 'threads, at most as many as the maximum parallelism' }],
    run: rescale,
  },
  {
    name: 'redrive',
    summary: 'feed dead letters to their operators again',
    description:
      'Lays out the records of dead-letter files, each for the job and operator it comes from. A running job takes them within a second ' +
      'or two, another one when it is submitted; each once, and with the state that the operator has by then. A job over bounded input ' +
      'takes them only when it is submitted the next time, even if it runs now.',
    arguments: { '<DIR>': 'what the job gives deadLetter(): a folder or s3:// URL' },
    flags: [
      { key: 'operator', argument: 'UID', description: 'only the records of that operator' },
      { key: 'job', argument: 'ID', description: 'only the records of the job with that id' },
    ],
    run: async ([place], { operator, job }) => {
      const choice = { ...(operator === undefined ? {} : { operator }), ...(job === undefined ? {} : { job }) }
      return asked<Redriven>(await redrive(place!, choice), redriveText)
    },
  },
]

/** Runs one verb. Resolves with the exit code. */
export async function controlCommand(
  verb: ControlVerb,
  args: readonly string[],
  given: Given,
  screen: Screen,
): Promise<number> {
  try {
    const { json, text } = await verb.run(args, given)
    screen.print(given.json === true ? JSON.stringify(json) : text)
    return 0
  } catch (error) {
    const serialized = serializeError(error, 'MILLRACE_INTERNAL')
    tellFailure(screen, undefined, serialized)
    const { code, message, hint = null } = serialized
    if (given.json === true) screen.print(JSON.stringify({ error: { code, message, hint } }))
    return code === 'MILLRACE_USAGE' ? REFUSED : FAILED
  } finally {
    screen.end()
  }
}

async function exceptions([jobId]: readonly string[], { checkpointDir }: Given): Promise<Answer> {
  const { running, unreadable } = findRunning(process.cwd())
  const runs = [...running, ...unreadable].some((job) => job.jobId === jobId)
  if (runs && checkpointDir === undefined) return asked(await ask<FailuresView>(jobId, 'exceptions'), exceptionsText)
  const place = checkpointDir ?? process.env[environmentName(OPTIONS.checkpointDir)]
  return asked(await keptExceptions(jobId!, place), exceptionsText)
}

function asked<T>(json: T, text: (answer: T) => string): Answer {
  return { json, text: text(json) }
}

function ask<T>(job: string | undefined, what: string): Promise<T> {
  return askJob(findJob(job!, process.cwd()), 'GET', what)
}

function tell<T>(job: string | undefined, what: string, body: object): Promise<T> {
  return askJob(findJob(job!, process.cwd()), 'POST', what, body)
}

/** Folders are the caller's, not the job's. */
function placeOf(directory: string | undefined): { directory?: string } {
  if (directory === undefined) return {}
  return { directory: /^[a-z][a-z0-9+.-]+:/i.test(directory) ? directory : resolve(directory) }
}

function savepointAnswer(savepoint: SavepointInfo): Answer {
  return { json: savepoint, text: `savepoint ${savepoint.path} (${formatBytes(savepoint.bytes)} of state)` }
}

async function list(): Promise<Answer> {
  const { running, unreadable } = findRunning(process.cwd())
  const asking = running.map(async (job): Promise<ListedJob> => {
    const { jobId, pid, name, startedAtMs } = job
    const view = await askJob<JobView>(job, 'GET', 'status').catch(() => undefined)
    const { state = 'unreachable', parallelism = null } = view ?? {}
    return { job: jobId, name, pid, state, parallelism, startedAtMs }
  })
  const closed = unreadable.map(({ jobId, pid }): ListedJob => ({
    job: jobId,
    name: null,
    pid,
    state: 'unreadable',
    parallelism: null,
    startedAtMs: null,
  }))
  return asked([...(await Promise.all(asking)), ...closed], listText)
}

async function stop([jobId, directory]: readonly string[], { drain = false }: Given): Promise<Answer> {
  const job = findJob(jobId!, process.cwd())
  const savepoint = await askJob<SavepointInfo>(job, 'POST', 'stop', { ...placeOf(directory), drain })
  await ended(job)
  const how = drain ? 'is drained and has finished' : 'has stopped'
  return { json: savepoint, text: `${job.jobId} ${how}: ${savepointAnswer(savepoint).text}` }
}

async function cancel([jobId]: readonly string[]): Promise<Answer> {
  const job = findJob(jobId!, process.cwd())
  await askJob(job, 'POST', 'cancel')
  await ended(job)
  return { json: { job: job.jobId }, text: `${job.jobId} is canceled` }
}

async function rescale([jobId]: readonly string[], { parallelism }: Given): Promise<Answer> {
  const { type } = OPTIONS.parallelism
  if (parallelism === undefined) {
    throw new MillraceError('MILLRACE_USAGE', 'no parallelism is given', { hint: 'add --parallelism N' })
  }
  const count = type.parse(parallelism)
  if (count === undefined) {
    throw new MillraceError('MILLRACE_USAGE', `--parallelism ${parallelism} is not valid`, {
      hint: `expected ${type.form}`,
    })
  }
  const json = await tell<object>(jobId, 'rescale', { parallelism: count })
  return { json, text: `${jobId!} goes on with parallelism ${count}` }
}

/** The process has let the job go: it may be submitted again. */
async function ended(job: RunningJob): Promise<void> {
  const isThere = (): boolean =>
    stillRuns(job) && findRunning(process.cwd()).running.some(({ token }) => token === job.token)
  while (isThere()) await sleep(LOOK_EVERY_MS)
}
