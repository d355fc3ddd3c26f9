/** Runs at most so many tasks at once, the others in the order they came. */
export class Turns {
  private free: number
  private readonly queue: (() => void)[] = []

  constructor(atOnce: number) {
    this.free = atOnce
  }

  /** The task's own result, or rejection. */
  async run<R>(task: () => Promise<R>): Promise<R> {
    if (this.free > 0) this.free--
    else await new Promise<void>((resolve) => this.queue.push(resolve))
    try {
      return await task()
    } finally {
      const next = this.queue.shift()
      if (next === undefined) this.free++
      else next()
    }
  }
}
