import { Piscina } from 'piscina'
import type { MessagePort } from 'node:worker_threads'
import { MillraceError } from '../contract/errors.js'
import type { SlotHost } from '../coordinator/slot-host.js'
import type { ControlPort } from '../worker/protocol.js'
import type { SlotAssignment } from './protocol.js'

/** The threads of one attempt. */
export interface ThreadSlotsOptions {
  readonly slots: number
  /** The built entry, JavaScript. */
  readonly entry: string
  readonly youngGenerationMb: number
  readonly oldGenerationMb: number
}

/**
 * Slots on worker threads: a fixed-size Piscina pool, one long-lived task a thread, fresh for each attempt. Main thread.
 */
export class ThreadSlots implements SlotHost {
  private readonly pool: Piscina

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
  }

  async run(assignment: SlotAssignment, port: ControlPort): Promise<void> {
    try {
      await this.pool.run({ assignment, port }, { transferList: [port as MessagePort], name: 'runSlot' })
    } catch (error) {
      throw threadFailure(error, assignment.slot)
    }
  }

  async destroy(): Promise<void> {
    await this.pool.destroy()
  }
}

function threadFailure(error: unknown, slot: number): MillraceError {
  const code = (error as { code?: string }).code
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new MillraceError('MILLRACE_WORKER', `slot ${slot} ran out of memory`, {
      hint: 'raise --memory, or keep less in variables of the job: keyed state may be larger than memory, plain objects may not',
      cause: error,
    })
  }
  if (/exit|terminat/i.test(message)) {
    return new MillraceError('MILLRACE_WORKER', `slot ${slot} ended: ${message}`, {
      hint: 'does the job or a library of it call process.exit?',
      cause: error,
    })
  }
  return new MillraceError('MILLRACE_WORKER', `slot ${slot} failed: ${message}`, { cause: error })
}
