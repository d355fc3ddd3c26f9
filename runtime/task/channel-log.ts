import type { ChannelsRef } from '../checkpoint/manifest.js'
import { inFlightBytes, type InFlight } from './channel-file.js'

/** Written as soon as there is so much of it: it need not all be in memory. */
const PART_BYTES = 8 * 1024 * 1024

/** What is in flight to a subtask in one checkpoint, on its way to storage. Slot thread. */
export class ChannelLog {
  /** The files, once all of them are stored; rejects if some cannot be. Pending for ever if the log is given up. */
  readonly written: Promise<readonly ChannelsRef[]>
  private readonly write: (part: readonly InFlight[]) => Promise<ChannelsRef>
  private readonly parts: Promise<ChannelsRef>[] = []
  private part: InFlight[] = []
  private bytes = 0
  private givenUp = false
  private settle!: (files: Promise<readonly ChannelsRef[]>) => void

  constructor(write: (part: readonly InFlight[]) => Promise<ChannelsRef>) {
    this.write = write
    this.written = new Promise((resolve) => (this.settle = resolve))
    this.written.catch(() => {})
  }

  add(one: InFlight): void {
    if (this.givenUp) return
    this.part.push(one)
    this.bytes += inFlightBytes(one.element)
    if (this.bytes >= PART_BYTES) this.storePart()
  }

  /** Nothing more is in flight. */
  complete(): void {
    if (this.givenUp) return
    if (this.part.length > 0) this.storePart()
    this.settle(Promise.all(this.parts))
  }

  /** Something was in flight that cannot be stored. */
  fail(error: Error): void {
    this.settle(Promise.reject(error))
    this.giveUp()
  }

  /** The checkpoint is over. */
  giveUp(): void {
    this.givenUp = true
    this.part = []
  }

  private storePart(): void {
    const stored = this.write(this.part)
    stored.catch(() => {})
    this.parts.push(stored)
    this.part = []
    this.bytes = 0
  }
}
