import { Piscina } from 'piscina'
import type { MessagePort } from 'node:worker_threads'
import { MillraceError } from '../contract/errors.js'
import { heapFull } from '../contract/heap-full.js'
import type { SlotHost } from '../coordinator/slot-host.js'
import type { ControlPort } from '../worker/protocol.js'
import type { SlotAssignment } from './protocol.js'
import { createPulse } from './pulse-protocol.js'
import { ThreadWatchdog } from './thread-watchdog.js'

/** The threads of one attempt. */
export interface ThreadSlotsOptions {
  readonly slots: number
  /** The built entry, JavaScript. */
  readonly entry: string
  readonly youngGenerationMb: number
  readonly oldGenerationMb: number
  /** How long a thread may not run its event loop before `run` rejects with MILLRACE_WATCHDOG; 0: for ever. */
  readonly watchdogTimeoutMs: number
  /** `uid` is `undefined` where it is not known which operator it is about. */
  readonly warn: (uid: string | undefined, message: string) => void
}

/**
 * Slots on worker threads: a fixed-size Piscina pool, one long-lived task a thread, fresh for each attempt. Main thread.
 */
export class ThreadSlots implements SlotHost {
  private readonly pool: Piscina
  private readonly pulse: SharedArrayBuffer
  private readonly watchdog: ThreadWatchdog
  /** Of each slot: rejects its `run`. */
  private readonly stuck = new Map<number, (error: MillraceError) => void>()

  constructor(options: ThreadSlotsOptions) {
    this.pool = new Piscina({
      filename: options.entry,
      minThreads: options.slots,
      maxThreads: options.slots,
      concurrentTasksPerWorker: 1,
      idleTimeout: Infinity,
      recordTiming: false,
      atomics: 'disabled',
      execArgv: ['--enable-source-maps', '--no-warnings'],
      resourceLimits: {
        maxYoungGenerationSizeMb: options.youngGenerationMb,
        maxOldGenerationSizeMb: options.oldGenerationMb,
      },
    })
    this.pool.on('error', () => {})
    this.pulse = createPulse(options.slots)
    this.watchdog = new ThreadWatchdog({
      pulse: this.pulse,
      slots: options.slots,
      timeoutMs: options.watchdogTimeoutMs === 0 ? Infinity : options.watchdogTimeoutMs,
      warn: options.warn,
      stuck: (slot, error) => this.stuck.get(slot)?.(error),
    })
  }

  async run(assignment: SlotAssignment, port: ControlPort): Promise<void> {
    const { slot } = assignment
    const stuck = new Promise<never>((_, reject) => this.stuck.set(slot, reject))
    const task = { assignment, port, pulse: this.pulse }
    const ended = this.pool.run(task, { transferList: [port as MessagePort], name: 'runSlot' }) as Promise<void>
    try {
      await Promise.race([ended.catch((error: unknown) => Promise.reject(threadFailure(error, slot))), stuck])
    } finally {
      this.watchdog.forget(slot)
    }
  }

  async destroy(): Promise<void> {
    this.watchdog.close()
    await this.pool.destroy()
  }
}

function threadFailure(error: unknown, slot: number): MillraceError {
  const code = (error as { code?: string }).code
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return heapFull(slot, error)
  if (/exit|terminat/i.test(message)) {
    return new MillraceError('MILLRACE_WORKER', `slot ${slot} ended: ${message}`, {
      hint: 'does the job or a library of it call process.exit?',
      cause: error,
    })
  }
  return new MillraceError('MILLRACE_WORKER', `slot ${slot} failed: ${message}`, { cause: error })
}
