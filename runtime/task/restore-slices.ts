import type { KeyedBackend } from '../state/keyed-backend.js'

/** What the slot is told. */
export interface RestoreEvents {
  /** The state of all operators is in the slot. */
  done(): void
  failed(error: unknown): void
  wake(): void
}

/** Restores what nobody has asked for yet, operator by operator, in slices between batches. Slot thread. */
export class RestoreSlices {
  private readonly backends: KeyedBackend[]
  private readonly events: RestoreEvents
  private waiting = false
  private ended = false

  constructor(backends: readonly KeyedBackend[], events: RestoreEvents) {
    this.backends = [...backends]
    this.events = events
  }

  hasWork(): boolean {
    return !this.waiting && !this.ended
  }

  /** Begins a slice; false when the last one is not done, or there is nothing left. */
  slice(): boolean {
    if (!this.hasWork()) return false
    for (; this.backends.length > 0; this.backends.shift()) {
      const moving = this.backends[0]!.restoreSlice()
      if (moving === undefined) continue
      this.await(moving)
      return true
    }
    this.ended = true
    this.events.done()
    return true
  }

  private await(moving: Promise<void>): void {
    this.waiting = true
    moving.then(
      () => {
        this.waiting = false
        this.events.wake()
      },
      (error: unknown) => this.events.failed(error),
    )
  }
}
