/**
 * Invariant: everything that happens is an event of this queue, one at a time, and all that follows from it without waiting has happened
 * before the next one. Time moves only here. So a seed decides everything, and replays exactly.
 *
 *   take the earliest event (ties: the seed decides) -> run it -> drain microtasks and real file reads -> next
 */
import { hashText, type SimRandom } from './random.js'
import { fileRequestsDone } from './real-files.js'

/** Whose events: a process's main thread, a slot's thread. What is dead runs no more, what pauses later. */
export class Actor {
  readonly name: string
  readonly parent: Actor | undefined
  private dead = false
  private pausedUntilMs = -Infinity

  constructor(name: string, parent?: Actor) {
    this.name = name
    this.parent = parent
  }

  get alive(): boolean {
    return !this.dead && this.parent?.alive !== false
  }

  kill(): void {
    this.dead = true
  }

  pauseUntil(ms: number): void {
    this.pausedUntilMs = Math.max(this.pausedUntilMs, ms)
  }

  /** When it may run. */
  runsFromMs(): number {
    return Math.max(this.pausedUntilMs, this.parent?.runsFromMs() ?? -Infinity)
  }
}

interface SimEvent {
  atMs: number
  readonly tie: number
  readonly seq: number
  readonly actor: Actor
  readonly name: string
  readonly run: () => void
  cancelled: boolean
}

/** Sees each event; `before` may kill its actor. */
export interface EventWatcher {
  before(name: string, actor: Actor): void
  after(name: string, actor: Actor): void
}

const TRACE_LINES = 400

/** The seeded queue. */
export class Scheduler {
  nowMs: number
  steps = 0
  watcher: EventWatcher | undefined
  /** Gets each line of the trace. */
  listener: ((line: string) => void) | undefined
  private readonly random: SimRandom
  private readonly heap: SimEvent[] = []
  private seq = 0
  private hashHigh = 1
  private hashLow = 2
  private readonly trace: string[] = []

  constructor(random: SimRandom, startMs: number) {
    this.random = random
    this.nowMs = startMs
  }

  /** Two runs of a seed have the same: a digest of all events, their actors and times. */
  get traceHash(): string {
    return `${this.hashHigh.toString(16).padStart(8, '0')}${this.hashLow.toString(16).padStart(8, '0')}`
  }

  /** The last events, oldest first. */
  lastEvents(): readonly string[] {
    return [...this.trace]
  }

  /** Runs `run` after `delayMs` unless the actor is dead by then. The result takes it back. */
  schedule(actor: Actor, delayMs: number, name: string, run: () => void): () => void {
    const event: SimEvent = {
      atMs: this.nowMs + Math.max(0, delayMs),
      tie: this.random.next(),
      seq: this.seq++,
      actor,
      name,
      run,
      cancelled: false,
    }
    this.push(event)
    return () => {
      event.cancelled = true
    }
  }

  /** A line of the trace that is no event. */
  note(text: string): void {
    this.log(`${(this.nowMs % 1e8).toFixed(2)} -- ${text}`)
  }

  /** One event; false when there is none. */
  async step(): Promise<boolean> {
    const event = this.take()
    if (event === undefined) return false
    this.steps++
    this.nowMs = Math.max(this.nowMs, event.atMs)
    this.watcher?.before(event.name, event.actor)
    if (event.actor.alive) {
      this.log(`${(this.nowMs % 1e8).toFixed(2)} ${event.actor.name} ${event.name}`)
      event.run()
      await fileRequestsDone()
      this.watcher?.after(event.name, event.actor)
    }
    return true
  }

  private log(line: string): void {
    this.hashHigh = hashText(line, this.hashHigh)
    this.hashLow = hashText(line, this.hashLow)
    this.listener?.(line)
    this.trace.push(line)
    if (this.trace.length > 2 * TRACE_LINES) this.trace.splice(0, TRACE_LINES)
  }

  private take(): SimEvent | undefined {
    for (;;) {
      const event = this.pop()
      if (event === undefined) return undefined
      if (event.cancelled || !event.actor.alive) continue
      const fromMs = event.actor.runsFromMs()
      if (fromMs <= Math.max(this.nowMs, event.atMs)) return event
      event.atMs = fromMs
      this.push(event)
    }
  }

  private push(event: SimEvent): void {
    const { heap } = this
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!earlier(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  private pop(): SimEvent | undefined {
    const { heap } = this
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child++
      if (!earlier(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return top
  }
}

function earlier(a: SimEvent, b: SimEvent): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs
  return a.tie !== b.tie ? a.tie < b.tie : a.seq < b.seq
}
