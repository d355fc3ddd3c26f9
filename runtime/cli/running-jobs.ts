import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { ProcessIdentity } from '../checkpoint/manifest.js'
import { systemProcesses, type ProcessFacts } from '../checkpoint/process-facts.js'
import { MillraceError } from '../contract/errors.js'
import type { ControlAddress } from '../http/control-client.js'
import { makeMillraceFolder } from './bundle-files.js'

/** A running job as its process made it known. */
export interface RunningJob extends ControlAddress, ProcessIdentity {
  readonly name: string
  readonly startedAtMs: number
}

/** One that can't be asked: its file belongs to somebody else, or is damaged. */
export interface UnreadableJob {
  readonly jobId: string
  readonly pid: number
  readonly path: string
  readonly reason: string
}

/** What was found of running jobs. */
export interface FoundJobs {
  readonly running: readonly RunningJob[]
  readonly unreadable: readonly UnreadableJob[]
}

const FOLDER = '.running'
const FILE = /^(.+)~(\d+)\.json$/

/**
 * Makes a job known to verbs that are started in this working directory or below it; the result takes it back. Only its user can read the
 * file: it holds the token. Throws what the file system says.
 */
export function announce(job: RunningJob, directory: string): () => void {
  const folder = join(makeMillraceFolder(directory), FOLDER)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${job.jobId}~${job.pid}.json`)
  const temporary = join(folder, `.${randomUUID()}`)
  writeFileSync(temporary, `${JSON.stringify(job, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(temporary, path)
  return () => removeQuietly(path)
}

/** The jobs that run, of this working directory and those above it. What dead processes left is removed. */
export function findRunning(directory: string): FoundJobs {
  const processes = systemProcesses(textOf)
  const running: RunningJob[] = []
  const unreadable: UnreadableJob[] = []
  for (const folder of foldersFrom(directory)) {
    for (const name of readdirSync(folder).sort()) {
      const named = FILE.exec(name)
      if (named === null) continue
      const path = join(folder, name)
      const [jobId, pid] = [named[1]!, Number(named[2])]
      const read = readAnnouncement(path)
      if (read === undefined) continue
      if (typeof read === 'string') unreadable.push({ jobId, pid, path, reason: read })
      else if (lives(read, processes)) running.push(read)
      else removeQuietly(path)
    }
  }
  return { running, unreadable }
}

/** The running job of that id. MILLRACE_CONTROL: none runs, more than one does, or its token cannot be read. */
export function findJob(jobId: string, directory: string): RunningJob {
  const { running, unreadable } = findRunning(directory)
  const found = running.filter((job) => job.jobId === jobId)
  if (found.length > 1) {
    const pids = found.map(({ pid }) => pid).join(' and ')
    throw new MillraceError('MILLRACE_CONTROL', `job "${jobId}" is run by more than one process: ${pids}`, {
      hint: 'give one of them another --job-id; a signal stops a single process',
    })
  }
  if (found[0] !== undefined) return found[0]
  const closed = unreadable.find((job) => job.jobId === jobId)
  if (closed !== undefined) {
    throw new MillraceError('MILLRACE_CONTROL', `the token of job "${jobId}" cannot be read: ${closed.reason}`, {
      hint: `${closed.path} can be read by the user who runs the job: be that user`,
    })
  }
  const others = running.length === 0 ? 'no job runs here' : `these do: ${running.map((job) => job.jobId).join(', ')}`
  throw new MillraceError('MILLRACE_CONTROL', `job "${jobId}" does not run`, {
    hint: `${others}; jobs are looked for from the working directory upwards, where they were submitted`,
  })
}

/** Whether the process that announced itself so still runs the job. */
export function stillRuns(job: RunningJob): boolean {
  return lives(job, systemProcesses(textOf))
}

/** As far as this host can tell; another host or boot with the same folder it can't reach. */
function lives(job: RunningJob, processes: ProcessFacts): boolean {
  const self = processes.self()
  if (job.host !== self.host || job.bootId !== self.bootId) return true
  const { alive, startTicks } = processes.stateOf(job.pid)
  return alive && (startTicks === null || job.startTicks === null || startTicks === job.startTicks)
}

/** Undefined: gone meanwhile. A text: why it can't be read. */
function readAnnouncement(path: string): RunningJob | string | undefined {
  try {
    const job = JSON.parse(readFileSync(path, 'utf8')) as RunningJob
    return typeof job.token === 'string' && typeof job.port === 'number' ? job : 'its file is damaged'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    return code === undefined ? 'its file is damaged' : (error as Error).message
  }
}

function foldersFrom(directory: string): string[] {
  const folders: string[] = []
  for (let at = directory; ; at = dirname(at)) {
    const folder = join(at, '.millrace', FOLDER)
    if (existsSync(folder)) folders.push(folder)
    if (dirname(at) === at) return folders
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Another verb was quicker, or it isn't ours to delete.
  }
}
