/** How long to wait before asking again. Milliseconds. */
export interface BackoffOptions {
  readonly baseMs: number
  readonly maxMs: number
  /** In [0, 1). */
  readonly random: () => number
}

/** Exponential with full jitter: the wait before attempt 1, 2, ... is anything up to base * 2^(attempt - 1). */
export function backoffMs(attempt: number, { baseMs, maxMs, random }: BackoffOptions): number {
  const most = Math.min(maxMs, baseMs * 2 ** Math.min(30, attempt - 1))
  return Math.floor(random() * most) + 1
}
