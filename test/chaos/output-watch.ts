import { readFileSync, statSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { pause, visibleParts } from './killed-job.js'

const LOOK_EVERY_MS = 10
/** Looking at all of them each time would cost more than the job. */
const LOOKS_BETWEEN_CHECKS = 20

/** Reads output folders as another program would while the job runs and dies: parts come whole, never change and never go. */
export class OutputWatch {
  readonly complaints: string[] = []
  /** What each part held when it was first seen. */
  private readonly seen = new Map<string, string>()
  private readonly folders: readonly string[]
  private stopped = false
  private readonly watching: Promise<void>

  constructor(folders: readonly string[]) {
    this.folders = folders
    this.watching = this.watch()
    // Also where the test fails before it stops this.
    onTestFinished(() => {
      this.stopped = true
    })
  }

  /** How many parts have been seen so far. */
  get parts(): number {
    return this.seen.size
  }

  /** Looks for a last time, at everything. */
  async stop(): Promise<void> {
    this.stopped = true
    await this.watching
    this.look(true)
  }

  private async watch(): Promise<void> {
    for (let looks = 1; !this.stopped; looks++) {
      this.look(looks % LOOKS_BETWEEN_CHECKS === 0)
      await pause(LOOK_EVERY_MS)
    }
  }

  private look(all: boolean): void {
    const there = new Set(this.folders.flatMap(visibleParts))
    for (const path of there) {
      const before = this.seen.get(path)
      if (before === undefined) this.meet(path)
      else if (all && statSync(path).size !== Buffer.byteLength(before)) this.complaints.push(`${path} has changed`)
    }
    for (const [path, before] of this.seen) {
      if (!there.has(path)) this.complaints.push(`${path} is gone`)
      else if (this.stopped && readFileSync(path, 'utf8') !== before) this.complaints.push(`${path} has changed`)
    }
  }

  private meet(path: string): void {
    const content = readFileSync(path, 'utf8')
    this.seen.set(path, content)
    if (!content.endsWith('\n')) this.complaints.push(`${path} does not end with a line`)
  }
}
