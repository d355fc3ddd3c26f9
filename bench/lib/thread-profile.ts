import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'

/** A CPU profile of the calling thread, for finding out where time goes; slower than a run without. */
export class ThreadProfile {
  private readonly session = new Session()

  start(): void {
    this.session.connect()
    this.session.post('Profiler.enable')
    this.session.post('Profiler.setSamplingInterval', { interval: 500 })
    this.session.post('Profiler.start')
  }

  /** Writes the profile, for a browser's developer tools. */
  stop(path: string): void {
    this.session.post('Profiler.stop', (error, result) => {
      if (error === null) writeFileSync(path, JSON.stringify(result.profile))
    })
    this.session.disconnect()
  }
}
