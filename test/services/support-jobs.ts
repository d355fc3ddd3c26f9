import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { startNode, type RunningProgram } from './support-process.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** How a job is submitted. */
export interface SubmitOptions {
  /** `windTurbine`: the file of that name in jobs/, or a path. */
  readonly job: string
  readonly params?: Readonly<Record<string, string>>
  /** As on the command line, `--parallelism 2` and `--json` aside. */
  readonly options?: readonly string[]
  readonly parallelism?: number
  /** Of `awsEnv`. */
  readonly env: Readonly<Record<string, string>>
  /** The working directory: checkpoints are kept in it. */
  readonly cwd: string
}

/** What `--json` prints of a job, the fields that tests look at. */
export interface JobReport {
  readonly status: 'FINISHED' | 'SUSPENDED' | 'FAILED' | 'REFUSED'
  readonly recordsIn: number
  readonly recordsOut: number
  readonly lateRecordsDropped: number
  readonly checkpoints: number
  readonly restoredFrom: string | null
  readonly failure: { readonly code: string; readonly message: string } | null
}

/** A job in a process of its own: the built program, as a user starts it. */
export interface RunningJob extends RunningProgram {
  /** Resolves with its report when it has ended. */
  report(): Promise<JobReport>
  /** Resolves once it has read so many records, its progress says. */
  hasRead(records: number): Promise<void>
  /** SIGTERM: a last checkpoint; its report. */
  suspend(): Promise<JobReport>
  /** SIGKILL, and waits for its end. */
  crash(): Promise<void>
}

/** A folder that is gone after the test. */
export async function jobFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-services-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
  return folder
}

/** Submits a job. */
export function submit({ job, params = {}, options = [], parallelism = 2, env, cwd }: SubmitOptions): RunningJob {
  const file = job.includes('/') ? job : join(ROOT, 'jobs', `${job}.ts`)
  const given = Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`])
  const args = ['submit', file, '--parallelism', String(parallelism), '--json', ...options, ...given]
  const program = startNode([join(ROOT, 'bin', 'runtime.mjs'), ...args], env, cwd)
  const report = async (): Promise<JobReport> => {
    await program.ended
    const line = program
      .output()
      .split('\n')
      .find((one) => one.startsWith('{"job":'))
    if (line === undefined) throw new Error(`the job left no report:\n${program.output()}`)
    return JSON.parse(line) as JobReport
  }
  return {
    ...program,
    report,
    async hasRead(records) {
      const read = (): number => {
        const all = [...program.output().matchAll(/ in ([\d,]+) /g)]
        return Number((all.at(-1)?.[1] ?? '0').replaceAll(',', ''))
      }
      await program.until(() => read() >= records, `it has read ${records} records`)
    },
    async suspend() {
      program.kill('SIGTERM')
      return report()
    },
    async crash() {
      program.kill('SIGKILL')
      await program.ended
    },
  }
}
