/** Wakes slots, from any thread. */
export interface Waker {
  /** Ends the sleep of `slot`, or makes the one it prepares fail. Nothing, and no system call, while it runs. */
  wake(slot: number): void
}

/** How one slot sleeps. Called on the slot's own thread. Threads use Atomics, the simulator its scheduler. */
export interface Parker {
  /** From now on a `wake` is remembered. Look at every input and blocked output after this, then park or cancel. */
  prepare(): void
  /** Resolves after a `wake` that came since `prepare`, or after `timeoutMs`, or for no reason at all: look again. */
  park(timeoutMs: number): Promise<void>
  /** Takes `prepare` back: there is work. */
  cancel(): void
}

/**
 * Sleeps unless `hasWork()`. It is asked after `prepare`, and it must look at every input (`hasNext`) and every blocked
 * output (`hasRoom`): what changes later finds the slot prepared and wakes it, what changed earlier is seen.
 * That second look is what makes lost wake-ups impossible.
 */
export function parkUnless(parker: Parker, hasWork: () => boolean, timeoutMs: number): Promise<void> {
  parker.prepare()
  if (!hasWork()) return parker.park(timeoutMs)
  parker.cancel()
  return Promise.resolve()
}
