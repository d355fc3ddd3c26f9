import type { JobEvents } from './events.js'

/** For whoever watches only some of what a job tells, or nothing. */
export const silentEvents: JobEvents = {
  print: () => {},
  warn: () => {},
  started: () => {},
  progress: () => {},
  checkpoint: () => {},
  checkpointFailed: () => {},
  failed: () => {},
}
