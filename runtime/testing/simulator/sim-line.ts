import type { ControlLine } from '../../coordinator/slot-host.js'
import type { ControlPort } from '../../worker/protocol.js'
import type { Actor, Scheduler } from './scheduler.js'

/** How long a message takes, in milliseconds. */
export type Delay = () => number

class SimPort implements ControlPort {
  peer!: SimPort
  private readonly scheduler: Scheduler
  private readonly actor: Actor
  private readonly delay: Delay
  private readonly inbox: unknown[] = []
  private listener: ((message: unknown) => void) | undefined
  private closed = false
  private waiting = 0
  private lastAtMs = 0

  constructor(scheduler: Scheduler, actor: Actor, delay: Delay) {
    this.scheduler = scheduler
    this.actor = actor
    this.delay = delay
  }

  postMessage(message: unknown): void {
    if (this.closed) return
    const { peer, scheduler } = this
    peer.inbox.push(structuredClone(message))
    peer.lastAtMs = Math.max(peer.lastAtMs, scheduler.nowMs + this.delay())
    const { type } = message as { type: string }
    scheduler.schedule(peer.actor, peer.lastAtMs - scheduler.nowMs, `msg ${type}`, () => peer.deliver())
  }

  on(_event: 'message', listener: (message: unknown) => void): void {
    this.listener = listener
    // What came before anybody listened.
    for (; this.waiting > 0; this.waiting--) {
      this.scheduler.schedule(this.actor, this.delay(), 'msg', () => this.deliver())
    }
  }

  close(): void {
    this.closed = true
  }

  private deliver(): void {
    if (this.listener === undefined) {
      this.waiting++
      return
    }
    const message = this.inbox.shift()
    if (!this.closed) this.listener(message)
  }
}

/** A line whose messages are events: in order each way, and in any order with those of other lines. */
export function simLine(scheduler: Scheduler, coordinator: Actor, slot: Actor, delay: Delay): ControlLine {
  const [near, far] = [new SimPort(scheduler, coordinator, delay), new SimPort(scheduler, slot, delay)]
  near.peer = far
  far.peer = near
  return { coordinator: near, slot: far }
}
