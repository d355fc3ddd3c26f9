import { writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { environmentName, OPTIONS } from '../../config/options.js'
import { resolveOptions, type GivenFlags, type ResolvedOptions } from '../../config/resolve-options.js'
import { MillraceError } from '../contract/errors.js'
import { formatMs } from './format.js'
import { exitCodeOf, totalsOf, type SubmitOutcome } from './job-report.js'
import { isShown, jsonLog, textLog, type Log } from './log.js'
import type { PreparedJob } from './prepare-job.js'
import { Progress } from './progress.js'
import type { RunHooks } from './run-hooks.js'
import { Screen } from './screen.js'
import { StopSignals } from './signals.js'
import { earlyOutcome, submit } from './submit.js'
import { tellFailure, tellSummary } from './tell.js'

const STOP_TIMEOUT_CODE = 4

/** `runtime submit` in this process: options, signals, progress, result. Resolves with the exit code. */
export async function submitCommand(jobFile: string, flags: GivenFlags): Promise<number> {
  const screen = new Screen(process.stdout, process.stderr)
  let resolved: ResolvedOptions
  try {
    resolved = resolveOptions(flags, process.env)
  } catch (error) {
    return refuse(screen, error, wantsJson(flags, process.env))
  }
  const command = new SubmitCommand(screen, resolved)
  return command.run(jobFile)
}

/** Tells why nothing was started, as an object too if that was asked for. */
export function refuse(screen: Screen, error: unknown, json: boolean): number {
  const outcome = earlyOutcome(error, null, Math.round(process.uptime() * 1000))
  tellFailure(screen, undefined, outcome.error!)
  if (json) screen.print(JSON.stringify(outcome.report))
  screen.end()
  return exitCodeOf(outcome.report.status)
}

/** Whether the result is wanted as JSON, before it is known whether the options are right. */
export function wantsJson(flags: GivenFlags, environment: Readonly<Record<string, string | undefined>>): boolean {
  const { key, type } = OPTIONS.json
  return flags[key] !== undefined || type.parse(environment[environmentName(OPTIONS.json)] ?? '') === true
}

interface Ending {
  readonly outcome: SubmitOutcome
  readonly code: number
}

class SubmitCommand {
  private readonly screen: Screen
  private readonly resolved: ResolvedOptions
  private readonly log: Log
  private progress: Progress | undefined
  private prepared: PreparedJob | undefined
  private suspend: (() => void) | undefined
  private giveUp!: (error: unknown, code: number) => void

  constructor(screen: Screen, resolved: ResolvedOptions) {
    this.screen = screen
    this.resolved = resolved
    const { logFormat, logLevel } = resolved.values
    this.log = logFormat === 'json' ? jsonLog(screen, logLevel) : textLog(screen, logLevel)
  }

  async run(jobFile: string): Promise<number> {
    const { screen, resolved } = this
    const signals = this.watchProcess()
    process.on('exit', this.endedByJob)
    const givenUp = new Promise<Ending>((resolveEnding) => {
      this.giveUp = (error, code) => resolveEnding({ outcome: this.abandoned(error), code })
    })
    const ended = submit(jobFile, resolved, {
      elapsedMs,
      loaded: async (warnings) => {
        for (const warning of warnings) this.log.warn(warning)
        const { stop } = await import('esbuild')
        await stop()
      },
      watch: (prepared) => this.watch(prepared, signals),
    }).then((outcome): Ending => ({ outcome, code: exitCodeOf(outcome.report.status) }))
    const { outcome, code } = await Promise.race([ended, givenUp])
    process.off('exit', this.endedByJob)
    // What the job's threads wrote themselves is still on its way.
    await new Promise((done) => setImmediate(done))
    this.progress?.end()
    this.tell(outcome)
    screen.end()
    return code
  }

  /** The job's file called `process.exit`, or waits for what never comes, while it is loaded: that is no success. */
  private readonly endedByJob = (): void => {
    const error = new MillraceError('MILLRACE_JOB_FILE', 'the process ended while the job file was being loaded', {
      hint: 'a job file only describes the job: no process.exit, no await that never ends',
    })
    const { report } = earlyOutcome(error, null, elapsedMs())
    writeSync(2, `runtime: ${error.code}: ${error.message}\n  hint: ${error.hint}\n`)
    if (this.resolved.values.json) writeSync(1, `${JSON.stringify(report)}\n`)
    process.exitCode = 2
  }

  private watch(prepared: PreparedJob, signals: StopSignals): RunHooks {
    process.off('exit', this.endedByJob)
    const { screen, log } = this
    const { logLevel, logFormat, stopTimeoutMs } = this.resolved.values
    const live = screen.live && logFormat === 'text' && isShown('info', logLevel)
    const progress = new Progress({
      jobId: prepared.jobId,
      graph: prepared.graph,
      screen,
      log,
      live,
      now: () => performance.now(),
    })
    this.progress = progress
    this.prepared = prepared
    return {
      events: progress,
      warn: (message) => log.warn(message),
      note: (message) => log.info(message),
      standsBy: (holder) => {
        const { host, pid, since } = holder
        const what = pid === null ? 'another process' : `process ${pid} on ${host}, since ${since}`
        log.info(`stands by: job "${prepared.jobId}" is held by ${what}`, { holder })
        if (this.resolved.values.json) {
          screen.print(JSON.stringify({ job: prepared.jobId, status: 'STANDBY', holder }))
        }
      },
      running: (suspend) => {
        progress.start()
        this.suspend = suspend
        signals.first((signal) => {
          log.info(`${signal}: takes a last checkpoint and stops; a second one stops at once`)
          const late = new MillraceError(
            'MILLRACE_CHECKPOINT',
            `the last checkpoint was not complete within ${formatMs(stopTimeoutMs)}`,
            {
              hint: 'submit the job again: it goes on from the checkpoint before; --stop-timeout gives more time',
            },
          )
          setTimeout(() => this.giveUp(late, STOP_TIMEOUT_CODE), stopTimeoutMs)
          suspend()
        })
      },
    }
  }

  private watchProcess(): StopSignals {
    const signals = new StopSignals((code) => {
      process.off('exit', this.endedByJob)
      this.screen.end()
      process.exit(code)
    })
    signals.watch()
    for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
      process.on(event, (error: unknown) => this.giveUp(internal(error), 1))
    }
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      // Lines that could not be written must not become part of a checkpoint.
      if (error.code !== 'EPIPE') return this.giveUp(unwritable(error), 1)
      // Whoever read the output is gone (`| head`): there is no use in going on.
      process.off('exit', this.endedByJob)
      if (this.suspend === undefined) process.exit(1)
      this.suspend()
    })
    process.stderr.on('error', () => {})
    return signals
  }

  /** The job is still at it, or lost. */
  private abandoned(error: unknown): SubmitOutcome {
    const { progress, prepared } = this
    const outcome = earlyOutcome(error, prepared?.jobId ?? null, elapsedMs())
    if (progress === undefined || prepared === undefined)
      return { ...outcome, report: { ...outcome.report, status: 'FAILED' } }
    const { invalidRecords, ...totals } = totalsOf(progress.counters, prepared.graph)
    const { checkpoints, restoredFrom = null } = progress
    return {
      ...outcome,
      invalidRecords,
      report: { ...outcome.report, ...totals, checkpoints, restoredFrom, status: 'FAILED' },
    }
  }

  private tell(outcome: SubmitOutcome): void {
    const { screen, log } = this
    const { json, logFormat } = this.resolved.values
    if (this.prepared !== undefined && this.suspend !== undefined && outcome.report.status !== 'REFUSED') {
      const url = this.prepared.checkpointUrl
      tellSummary(log, outcome, url.startsWith('s3:') ? url : resolve(url))
    }
    if (outcome.error !== undefined)
      tellFailure(screen, logFormat === 'json' ? log : undefined, outcome.error, outcome.uid)
    if (json) screen.print(JSON.stringify(outcome.report))
  }
}

function elapsedMs(): number {
  return Math.round(process.uptime() * 1000)
}

function unwritable(error: NodeJS.ErrnoException): MillraceError {
  const message = `standard output cannot be written: ${error.message}`
  const hint =
    error.code === 'ENOSPC' ? 'the disk is full: free room, then submit again' : 'submit again with another output'
  return new MillraceError('MILLRACE_OUTPUT', message, { hint, cause: error })
}

function internal(error: unknown): MillraceError {
  const reason = error instanceof Error ? error.message : String(error)
  const wrapped = new MillraceError('MILLRACE_INTERNAL', `an error that nobody caught: ${reason}`, {
    hint: 'if it comes from the job or one of its packages, mend it there; else it is a fault of Millrace: please report it',
    cause: error,
  })
  if (error instanceof Error && error.stack !== undefined) wrapped.stack = error.stack
  return wrapped
}
