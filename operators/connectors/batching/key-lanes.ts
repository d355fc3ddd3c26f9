import type { Pending } from './entry-queue.js'

/**
 * Lets one entry of a key pass at a time: the others wait until it is delivered or rejected. A key has a lane exactly while one of its
 * entries has passed and is not settled.
 */
export class KeyLanes<In, Entry> {
  private readonly lanes = new Map<string, Pending<In, Entry>[]>()

  /** True if it may pass at once; else it waits. */
  enter(key: string, pending: Pending<In, Entry>): boolean {
    const waiting = this.lanes.get(key)
    if (waiting === undefined) this.lanes.set(key, [])
    else waiting.push(pending)
    return waiting === undefined
  }

  /** The last of the key that waits. */
  lastWaiting(key: string): Pending<In, Entry> | undefined {
    return this.lanes.get(key)?.at(-1)
  }

  /** One of the key is settled: the next, which may pass. */
  settled(key: string): Pending<In, Entry> | undefined {
    const next = this.lanes.get(key)?.shift()
    if (next === undefined) this.lanes.delete(key)
    return next
  }

  clear(): void {
    this.lanes.clear()
  }
}
