import type { SerializedError } from '../../contract/errors.js'
import type { Faults } from './faults.js'
import type { LogWatch } from './log-watch.js'
import type { SimDisk } from './sim-disk.js'

/** What a user asks of a job may come too late, or meet a checkpoint that was given up. */
const REFUSALS = ['MILLRACE_CONTROL', 'MILLRACE_CHECKPOINT']

/** Knows what may go wrong because of a fault, and that nothing else may. */
export class Judge {
  private readonly faults: Faults
  private readonly disk: SimDisk
  private readonly log: LogWatch
  private readonly violate: (what: string) => void

  constructor(faults: Faults, disk: SimDisk, log: LogWatch, violate: (what: string) => void) {
    this.faults = faults
    this.disk = disk
    this.log = log
    this.violate = violate
  }

  /** An attempt of process `pid` has failed, or the process. */
  failed(error: SerializedError, pid: number): void {
    // Who lost the job may find anything: what its successor did not need any more is gone.
    if (this.log.isSuperseded(pid) || this.isExplained(error)) return
    this.violate(`the job fails with ${error.code}: ${error.message}`)
  }

  /** The user named another checkpoint than the newest, and the process did not begin. */
  notRestored(error: SerializedError, pid: number): void {
    if (error.code === 'MILLRACE_RESTORE') this.faults.count('user: restore refused, output would come twice')
    else this.failed(error, pid)
  }

  /** What the user asked for is not done. */
  refused(what: string, error: SerializedError, pid: number): void {
    if (REFUSALS.includes(error.code) || this.log.isSuperseded(pid) || this.isExplained(error)) return
    this.violate(`${what} is refused with ${error.code}: ${error.message}`)
  }

  warned(message: string, pid: number): void {
    if (this.log.isSuperseded(pid) || !message.includes('merging segments failed')) return
    if (!message.includes('injected') && !this.isNoticedDamage(message)) this.violate(message)
  }

  private isExplained({ code, message }: SerializedError): boolean {
    if (message.includes('injected') || code === 'MILLRACE_FENCED' || code === 'MILLRACE_HELD') return true
    if (code === 'MILLRACE_CORRUPT' && this.isNoticedDamage(message)) return true
    // Its last words were delayed for longer than they are waited for.
    return message.includes('ended before the job did') && 'message delayed' in this.faults.counted()
  }

  private isNoticedDamage(message: string): boolean {
    if (!this.disk.namesDamage(message)) return false
    this.faults.count('damaged file noticed')
    return true
  }
}
