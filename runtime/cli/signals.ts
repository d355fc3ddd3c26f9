import { constants } from 'node:os'

type StopSignal = 'SIGINT' | 'SIGTERM'

/**
 * SIGINT and SIGTERM of this process. Until the job runs they end it at once; then the first asks it to stop and the second ends it at
 * once, with 128 and the signal's number.
 */
export class StopSignals {
  private readonly exit: (code: number) => void
  private onFirst: ((signal: StopSignal) => void) | undefined
  private readonly listener = (signal: StopSignal): void => {
    const stop = this.onFirst
    this.onFirst = undefined
    if (stop === undefined) this.exit(128 + constants.signals[signal])
    else stop(signal)
  }

  /** `exit` ends the process at once. */
  constructor(exit: (code: number) => void) {
    this.exit = exit
  }

  watch(): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, this.listener)
  }

  /** The next signal calls this instead of ending the process. */
  first(stop: (signal: StopSignal) => void): void {
    this.onFirst = stop
  }
}
