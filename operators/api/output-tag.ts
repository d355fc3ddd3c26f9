/** Names a side output and carries its type: what is emitted to it and what is read from it agree. */
export interface OutputTag<T> {
  readonly name: string
  /** For the compiler only: never there. */
  readonly type?: () => T
}

/** A side output's tag, as Flink's `OutputTag`: `const rejected = outputTag<Order>('rejected')`. */
export function outputTag<T>(name: string): OutputTag<T> {
  return { name }
}
