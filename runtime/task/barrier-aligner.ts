/**
 * Invariant: between a channel's barrier n and the last channel's barrier n nothing is read from that channel, so the snapshot at n holds
 * exactly what came before n on every channel.
 *
 *   channel 0  r r |n| x x (blocked)        snapshot n when every channel is at |n|;
 *   channel 1  r r r r |n|                  then all are released
 *
 * Semantics: Flink's SingleCheckpointBarrierHandler, aligned. A newer barrier gives the older alignment up; an ended channel still
 * carries barriers.
 */
export type AlignmentResult =
  | { readonly kind: 'blocked' }
  | { readonly kind: 'aligned'; readonly checkpointId: number }
  | { readonly kind: 'stale' }

/** The alignment of one subtask's channels. Slot thread. */
export class BarrierAligner {
  private readonly blockedChannels: Uint8Array
  private pendingId = -1
  private lastId = -1
  private arrived = 0

  constructor(channels: number) {
    this.blockedChannels = new Uint8Array(channels)
  }

  /** Whether nothing may be read from the channel now. */
  blocked(channel: number): boolean {
    return this.blockedChannels[channel] === 1
  }

  barrier(channel: number, checkpointId: number): AlignmentResult {
    if (checkpointId <= this.lastId || checkpointId < this.pendingId) return { kind: 'stale' }
    if (checkpointId > this.pendingId) this.begin(checkpointId)
    this.blockedChannels[channel] = 1
    this.arrived++
    if (this.arrived < this.blockedChannels.length) return { kind: 'blocked' }
    this.release()
    this.lastId = checkpointId
    return { kind: 'aligned', checkpointId }
  }

  /** The coordinator gave the checkpoint up: channels it blocked are read again. */
  abort(checkpointId: number): void {
    if (this.pendingId === checkpointId) this.release()
    if (checkpointId > this.lastId) this.lastId = checkpointId
  }

  private begin(checkpointId: number): void {
    this.release()
    this.pendingId = checkpointId
  }

  private release(): void {
    this.blockedChannels.fill(0)
    this.arrived = 0
    this.pendingId = -1
  }
}
