/**
 * Invariant: between a channel's barrier n and the snapshot at n nothing is read from that channel. Aligned, the snapshot comes with the
 * last channel's barrier, and holds exactly what came before n on every channel:
 *
 *   channel 0  r r |n| x x (blocked)        snapshot n when every channel is at |n|;
 *   channel 1  r r r r |n|                  then all are released
 *
 * Overtaken, the snapshot comes before some channels' barriers. Those channels lag: what they still bring before n is in flight, and part
 * of the checkpoint:
 *
 *   channel 0  r r |n| x x                  snapshot n now; all are released,
 *   channel 1  r | r r |n|                  channel 1 lags until its |n|
 *
 * Semantics: Flink's SingleCheckpointBarrierHandler. A newer barrier gives the older alignment up; an ended channel still carries
 * barriers.
 */
export type AlignmentResult =
  | { readonly kind: 'blocked' }
  | { readonly kind: 'aligned'; readonly checkpointId: number }
  | { readonly kind: 'stale' }
  /** All that was in flight has come. */
  | { readonly kind: 'caughtUp'; readonly checkpointId: number }

const OPEN = 0
const BLOCKED = 1
const LAGGING = 2

/** The alignment of one subtask's channels. Slot thread. */
export class BarrierAligner {
  private readonly channels: Uint8Array
  private pendingId = -1
  private lastId = -1
  private arrived = 0
  private lag = 0

  constructor(channels: number) {
    this.channels = new Uint8Array(channels)
  }

  /** Whether the channel's next element may be handed on: it is neither blocked nor lagging. */
  readable(channel: number): boolean {
    return this.channels[channel] === OPEN
  }

  /** Whether nothing may be read from the channel now. */
  blocked(channel: number): boolean {
    return this.channels[channel] === BLOCKED
  }

  /** Whether a snapshot was taken before the channel's barrier, which is still to come. */
  lagging(channel: number): boolean {
    return this.channels[channel] === LAGGING
  }

  get anyLagging(): boolean {
    return this.lag > 0
  }

  barrier(channel: number, checkpointId: number): AlignmentResult {
    if (this.lagging(channel)) {
      if (checkpointId === this.lastId) return this.caughtUp(channel)
      // Its sender has left the barrier out: what was in flight will never be known.
      if (checkpointId > this.lastId) this.endLag()
    }
    if (checkpointId <= this.lastId || checkpointId < this.pendingId) return { kind: 'stale' }
    if (checkpointId > this.pendingId) {
      this.release()
      this.pendingId = checkpointId
    }
    this.channels[channel] = BLOCKED
    this.arrived++
    if (this.arrived < this.channels.length) return { kind: 'blocked' }
    this.release()
    this.lastId = checkpointId
    return { kind: 'aligned', checkpointId }
  }

  /** Whether the checkpoint's barrier is still to come through some channel. */
  awaits(checkpointId: number): boolean {
    return checkpointId > this.lastId && checkpointId >= this.pendingId
  }

  /** Whether the channel's barrier has come, and those of others have not. */
  arrivedAt(channel: number, checkpointId: number): boolean {
    return this.pendingId === checkpointId && this.blocked(channel)
  }

  /** The snapshot is taken now, where the aligner {@link awaits} the checkpoint and nothing lags. Channels that have had no barrier lag. */
  overtake(checkpointId: number): void {
    const behind = Array.from(this.channels, (_, c) => !this.arrivedAt(c, checkpointId))
    this.release()
    behind.forEach((lags, c) => {
      if (!lags) return
      this.channels[c] = LAGGING
      this.lag++
    })
    this.lastId = checkpointId
  }

  /** The coordinator gave the checkpoint up: channels it blocked are read again, none lags behind it. */
  abort(checkpointId: number): void {
    if (this.pendingId === checkpointId) this.release()
    if (this.lastId === checkpointId) this.endLag()
    if (checkpointId > this.lastId) this.lastId = checkpointId
  }

  private caughtUp(channel: number): AlignmentResult {
    this.channels[channel] = OPEN
    if (--this.lag > 0) return { kind: 'blocked' }
    return { kind: 'caughtUp', checkpointId: this.lastId }
  }

  /** Lets no channel be blocked any more. */
  private release(): void {
    this.reopen(BLOCKED)
    this.arrived = 0
    this.pendingId = -1
  }

  private endLag(): void {
    this.reopen(LAGGING)
    this.lag = 0
  }

  private reopen(state: number): void {
    for (let c = 0; c < this.channels.length; c++) if (this.channels[c] === state) this.channels[c] = OPEN
  }
}
