/** The entries written between two flushes, and who waits for them. */
export class Generation {
  private outstanding = 0
  private failure: Error | undefined
  private readonly waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []

  entered(): void {
    this.outstanding++
  }

  /** One is delivered or rejected. True if none is left for now. */
  left(): boolean {
    if (--this.outstanding > 0) return false
    for (const { resolve } of this.waiting.splice(0)) resolve()
    return true
  }

  fail(error: Error): void {
    this.failure = error
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }

  /** Resolves when none is outstanding; rejects when the writer fails. */
  async settled(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    if (this.outstanding > 0) await new Promise<void>((resolve, reject) => this.waiting.push({ resolve, reject }))
  }
}
