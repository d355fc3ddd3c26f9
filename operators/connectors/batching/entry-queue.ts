import type { Generation } from './generation.js'

/** An entry on its way, with what is needed to send it again, to order it and to account for it. */
export interface Pending<In, Entry> {
  entry: Entry
  value: In
  timestamp: number
  bytes: number
  readonly key: string | undefined
  readonly generation: Generation
  attempts: number
  /** When it first failed; NaN if it never did. */
  failingSinceMs: number
}

/** What it may hand over beyond its front before the space is given back. */
const COMPACT_AT = 4096

/** A queue of entries that knows its bytes. */
export class EntryQueue<In, Entry> {
  bytes = 0
  private items: (Pending<In, Entry> | undefined)[] = []
  private head = 0

  get length(): number {
    return this.items.length - this.head
  }

  push(pending: Pending<In, Entry>): void {
    this.items.push(pending)
    this.bytes += pending.bytes
  }

  /** Puts them before what is there, in their order. */
  pushFront(pending: readonly Pending<In, Entry>[]): void {
    this.items = [...pending, ...this.items.slice(this.head)]
    this.head = 0
    for (const { bytes } of pending) this.bytes += bytes
  }

  peek(): Pending<In, Entry> | undefined {
    return this.items[this.head]
  }

  shift(): void {
    const pending = this.items[this.head]
    if (pending === undefined) return
    this.items[this.head++] = undefined
    this.bytes -= pending.bytes
    if (this.head < this.items.length && this.head < COMPACT_AT) return
    this.items = this.items.slice(this.head)
    this.head = 0
  }

  clear(): void {
    this.items = []
    this.head = this.bytes = 0
  }
}
