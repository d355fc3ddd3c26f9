import { operatorFailure } from '../contract/operator-failure.js'
import type { Link } from './link.js'

/** The operators of a chain that may, for a while, take no more records. Asked between two records. Slot thread. */
export class Pauses {
  /** Whether the chain has any. */
  readonly any: boolean
  private readonly links: readonly { readonly index: number; readonly link: Link }[]
  /** The promise last seen of each: it is listened to once. */
  private readonly seen: (Promise<void> | undefined)[]
  private readonly wake: () => void
  private readonly fail: (error: unknown) => void

  constructor(links: readonly Link[], wake: () => void, fail: (error: unknown) => void) {
    this.links = links.flatMap((link, index) => (link.pauses === true ? [{ index, link }] : []))
    this.seen = this.links.map(() => undefined)
    this.any = this.links.length > 0
    this.wake = wake
    this.fail = fail
  }

  /** The last link that can take no record now; -1: all can. Wakes the slot when it can again. */
  at(): number {
    for (let n = this.links.length - 1; n >= 0; n--) {
      const { index, link } = this.links[n]!
      const pause = link.busy()
      if (pause === undefined) continue
      if (pause !== this.seen[n]) {
        this.seen[n] = pause
        pause.then(this.wake, (error: unknown) => this.fail(operatorFailure(error, link.uid)))
      }
      return index
    }
    return -1
  }
}
