const INTERVAL_MS = 1000
const MOST = 20

interface Count {
  startMs: number
  shown: number
  more: number
}

/** Lets through at most twenty warnings of an operator in a second and counts the rest. */
export class WarningLimit {
  private readonly now: () => number
  private readonly show: (uid: string, message: string) => void
  private readonly counts = new Map<string, Count>()

  constructor(now: () => number, show: (uid: string, message: string) => void) {
    this.now = now
    this.show = show
  }

  add(uid: string, message: string): void {
    let count = this.counts.get(uid)
    if (count === undefined) this.counts.set(uid, (count = { startMs: this.now(), shown: 0, more: 0 }))
    if (this.now() - count.startMs >= INTERVAL_MS) this.startAfresh(uid, count)
    if (count.shown < MOST) {
      count.shown++
      this.show(uid, message)
    } else count.more++
  }

  /** Says how many were left out in seconds that are over; all of them at the end. */
  tell(atEnd: boolean): void {
    for (const [uid, count] of this.counts) {
      if (atEnd || this.now() - count.startMs >= INTERVAL_MS) this.startAfresh(uid, count)
    }
  }

  private startAfresh(uid: string, count: Count): void {
    if (count.more > 0) this.show(uid, `… ${count.more} more warnings`)
    Object.assign(count, { startMs: this.now(), shown: 0, more: 0 })
  }
}
