import type { AssignedSplit, ToSlot } from '../worker/protocol.js'

interface Hold {
  readonly slot: number
  readonly splitIds: readonly string[]
  /** Splits that are to catch up first. */
  readonly behind: Set<string>
}

/**
 * What follows a finished split may be read by another subtask, which may be further in event time than the finished one was. Until it has
 * caught up there, the finished split's subtask holds event time back, or its records would be late. Main thread; one per source and attempt.
 */
export class SplitHandoffs {
  private readonly uid: string
  private readonly send: (slot: number, message: ToSlot) => void
  /** Assigned, and not yet as far as their subtasks. */
  private readonly behind = new Set<string>()
  private holds: Hold[] = []

  constructor(uid: string, send: (slot: number, message: ToSlot) => void) {
    this.uid = uid
    this.send = send
  }

  assigned(splits: readonly AssignedSplit[]): void {
    for (const { id, follows } of splits) if (follows === true) this.behind.add(id)
  }

  retire(slot: number, splitIds: readonly string[]): void {
    const behind = new Set(this.behind)
    for (const id of splitIds) behind.delete(id)
    // One that had not caught up itself leaves that to those that follow it.
    for (const earlier of this.holds) {
      if (splitIds.some((id) => earlier.behind.has(id))) for (const id of behind) earlier.behind.add(id)
    }
    const hold = behind.size > 0
    if (hold) this.holds.push({ slot, splitIds, behind })
    this.send(slot, { type: 'retireSplits', uid: this.uid, splitIds, hold })
  }

  /** A reader says that a split is as far as it is itself, idle or gone. */
  caughtUp(splitId: string): void {
    this.behind.delete(splitId)
    const free = this.holds.filter(({ behind }) => behind.delete(splitId) && behind.size === 0)
    this.holds = this.holds.filter((hold) => !free.includes(hold))
    for (const { slot, splitIds } of free) this.send(slot, { type: 'releaseSplits', uid: this.uid, splitIds })
  }
}
