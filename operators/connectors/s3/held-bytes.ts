/** Bytes that a writer holds in memory, in whatever form. One a writer; slot thread. */
export class HeldBytes {
  private held = 0
  private waiting: {
    readonly limit: number
    readonly resolve: () => void
    readonly reject: (error: unknown) => void
  }[] = []

  get bytes(): number {
    return this.held
  }

  /** `by` may be negative. */
  add(by: number): void {
    this.held += by
    if (by >= 0 || this.waiting.length === 0) return
    const done = this.waiting.filter(({ limit }) => this.held <= limit)
    this.waiting = this.waiting.filter(({ limit }) => this.held > limit)
    for (const { resolve } of done) resolve()
  }

  /** Resolves once no more than `limit` are held; rejects when something fails before. */
  below(limit: number): Promise<void> {
    if (this.held <= limit) return Promise.resolve()
    return new Promise((resolve, reject) => this.waiting.push({ limit, resolve, reject }))
  }

  /** What waits will never be. */
  fail(error: unknown): void {
    const { waiting } = this
    this.waiting = []
    for (const { reject } of waiting) reject(error)
  }
}
