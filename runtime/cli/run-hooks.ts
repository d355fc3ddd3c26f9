import type { JobEvents } from '../coordinator/events.js'

/** Whoever watches the run. */
export interface RunHooks {
  readonly events: JobEvents
  /** The job is about to run: from now on `suspend` takes a last checkpoint and stops it. */
  readonly running: (suspend: () => void) => void
  readonly warn: (message: string) => void
  /** What is good to know, and no warning. */
  readonly note: (message: string) => void
  /** A standby waits for that process. */
  readonly standsBy: (holder: HolderView) => void
  /** Ends a standby that waits. */
  readonly signal?: AbortSignal | undefined
}

/** Whom a standby waits for, as `--json` prints it; nulls where its record cannot be read. */
export interface HolderView {
  readonly host: string | null
  readonly pid: number | null
  readonly since: string | null
}
