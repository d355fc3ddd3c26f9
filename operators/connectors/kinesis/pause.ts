import type { Clock } from '../../../runtime/contract/time.js'

/** One wait at a time, that can be cut short. */
export class Pause {
  private readonly clock: Clock
  private cut: (() => void) | undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Resolves after so many milliseconds, or as soon as it is ended. */
  async wait(ms: number): Promise<void> {
    if (ms <= 0) return
    await new Promise<void>((resolve) => {
      const cancel = this.clock.setTimeout(resolve, ms)
      this.cut = () => {
        cancel()
        resolve()
      }
    })
    this.cut = undefined
  }

  /** Ends the wait under way, if there is one. */
  end(): void {
    this.cut?.()
  }
}
