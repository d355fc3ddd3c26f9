// A job that is submitted from a folder of its own, again and again, and what that folder shows between and during its runs.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeEntry } from '../../runtime/checkpoint/manifest-codec.js'
import type { CheckpointManifest, EpochRecord, LogEntry } from '../../runtime/checkpoint/manifest.js'
import { startCli, type RunningCli } from '../cli/run-cli.js'

const LOOK_EVERY_MS = 2

/** What a submit is given besides the job's own parameters. */
interface SubmitChoices {
  readonly parallelism?: number
  /** Win over the job's. */
  readonly params?: Readonly<Record<string, string | number>>
  readonly options?: readonly string[]
}

/** One job id and its files. */
export class KilledJob {
  readonly folder: string
  readonly jobFile: string
  private readonly params: Readonly<Record<string, string | number>>

  /** `jobFile`: a fixture's name, or a path. Relative parameters mean files of `folder`. */
  constructor(folder: string, jobFile: string, params: Readonly<Record<string, string | number>>) {
    this.folder = folder
    this.jobFile = jobFile.includes('/') ? jobFile : fixture(jobFile)
    this.params = params
  }

  submit({ parallelism = 2, params = {}, options = [] }: SubmitChoices = {}): RunningCli {
    const pairs = Object.entries({ ...this.params, ...params }).flatMap(([name, value]) => [
      '--param',
      `${name}=${value}`,
    ])
    const usual = ['--job-id', 'chaos', '--parallelism', String(parallelism), '--json']
    const interval = options.includes('--checkpoint-interval') ? [] : ['--checkpoint-interval', '50ms']
    return startCli(this.folder, ['submit', this.jobFile, ...usual, ...interval, ...pairs, ...options])
  }

  path(...below: readonly string[]): string {
    return join(this.folder, ...below)
  }

  checkpointPath(...below: readonly string[]): string {
    return this.path('.millrace/chaos', ...below)
  }

  /** The log of checkpoints, oldest first. */
  log(): LogEntry[] {
    return this.manifestNames().flatMap((name) => this.entry(name) ?? [])
  }

  epochs(): EpochRecord[] {
    return this.log().filter((entry): entry is EpochRecord => entry.kind === 'epoch')
  }

  newestCheckpoint(): CheckpointManifest | undefined {
    for (const name of this.manifestNames().reverse()) {
      const entry = this.entry(name)
      if (entry?.kind === 'checkpoint') return entry
    }
    return undefined
  }

  /** Names in the folder of manifests, oldest first. */
  manifestNames(): string[] {
    return namesIn(this.checkpointPath('manifests')).filter((name) => name.endsWith('.json'))
  }

  segmentNames(): string[] {
    return namesIn(this.checkpointPath('segments'))
  }

  /** Every line that others may read in an output folder, sorted. */
  lines(folder = 'out'): string[] {
    return visibleParts(this.path(folder)).flatMap(linesOf).sort()
  }

  private entry(name: string): LogEntry | undefined {
    const path = this.checkpointPath('manifests', name)
    // Old ones are deleted at any time.
    const bytes = readIfThere(path)
    return bytes === undefined ? undefined : decodeEntry(bytes, path)
  }
}

/** The path of a job among the fixtures. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`jobs/${name}.ts`, import.meta.url))
}

/** Every record that the job's sources had read by this checkpoint. */
export function recordsIn(manifest: CheckpointManifest): number {
  return Object.keys(manifest.sources).reduce((sum, uid) => sum + (manifest.counters[uid]?.['numRecordsIn'] ?? 0), 0)
}

/** Kills the process as the kernel would, with no chance to tidy up, and waits until it is gone. */
export async function kill(cli: RunningCli): Promise<void> {
  cli.child.kill('SIGKILL')
  await cli.ended
}

/** Resolves with true once `condition` holds, with false if the process ended before. Looks every other millisecond. */
export async function holds(cli: RunningCli, condition: () => boolean): Promise<boolean> {
  const { child } = cli
  for (;;) {
    const over = child.exitCode !== null || child.signalCode !== null
    if (condition()) return true
    if (over) return false
    await pause(LOOK_EVERY_MS)
  }
}

/** As {@link holds}, for what must come about: rejects with what the process said if it ended before. */
export async function until(cli: RunningCli, condition: () => boolean): Promise<void> {
  if (!(await holds(cli, condition))) throw new Error(`it ended too early:\n${(await cli.ended).stderr}`)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Files that others may read: those whose names begin with neither `.` nor `_`, recursively. */
export function visibleParts(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !/^[._]/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Files that are being written, or were when the process died. */
export function hiddenParts(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).filter((name) => basename(name).startsWith('.'))
}

/** The lines of a file. An end that is no whole line is one, with a mark that no line has. */
export function linesOf(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const rest = lines.pop()!
  return rest === '' ? lines : [...lines, `${rest}<cut off>`]
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : []
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
