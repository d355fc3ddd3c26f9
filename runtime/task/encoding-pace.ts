// Invariant: encoding a checkpoint takes a tenth of a busy slot's time at first, more the longer it takes, and all it can get before the next
// checkpoint comes: a job whose checkpoints last longer than the time between them would never catch up.
//
//   may have been spent:  a first bit | + a tenth of the time ... half an epoch | + a third ... an epoch | anything

/** Small checkpoints are done with this, without being held back. Milliseconds. */
const AT_ONCE_MS = 5
const SHARE = 1 / 10
const LATE_SHARE = 1 / 3

/** How far the encoding of one slot's checkpoint may have come. Times are milliseconds of one clock. Slot thread. */
export class EncodingPace {
  private checkpointId = -1
  private beganMs: number
  /** How long changes were collected that are being encoded. */
  private epochMs = 0
  private spentMs = 0

  /** The slot starts. */
  constructor(nowMs: number) {
    this.beganMs = nowMs
  }

  /** A barrier has passed a task. */
  begin(checkpointId: number, nowMs: number): void {
    if (checkpointId === this.checkpointId) return
    this.checkpointId = checkpointId
    this.epochMs = nowMs - this.beganMs
    this.beganMs = nowMs
    this.spentMs = 0
  }

  spent(ms: number): void {
    this.spentMs += ms
  }

  /** Whether a busy slot should go on with it now. */
  allows(nowMs: number): boolean {
    const ageMs = nowMs - this.beganMs
    if (ageMs >= this.epochMs) return true
    const halfMs = this.epochMs / 2
    const dueMs = SHARE * Math.min(ageMs, halfMs) + LATE_SHARE * Math.max(0, ageMs - halfMs)
    return this.spentMs <= AT_ONCE_MS + dueMs
  }
}
