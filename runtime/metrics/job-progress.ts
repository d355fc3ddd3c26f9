/** How the job as a whole is doing: attempts and checkpoints of this process. Main thread. */
export class JobProgress {
  private runningSinceMs: number | undefined
  private downSinceMs: number | undefined
  private ended = false
  private restarts = 0
  private completed = 0
  private failedCheckpoints = 0
  private lastDurationMs = NaN
  private lastBytes = NaN

  started(attempt: number, nowMs: number): void {
    if (attempt > 1) this.restarts++
    this.runningSinceMs = nowMs
    this.downSinceMs = undefined
  }

  failed(nowMs: number): void {
    this.runningSinceMs = undefined
    this.downSinceMs ??= nowMs
  }

  checkpointCompleted({ durationMs, stateBytes }: { readonly durationMs: number; readonly stateBytes: number }): void {
    this.completed++
    this.lastDurationMs = durationMs
    this.lastBytes = stateBytes
  }

  checkpointFailed(): void {
    this.failedCheckpoints++
  }

  end(): void {
    this.ended = true
  }

  /** By metric; NaN where there is none yet. Semantics of up and down: Flink's UpTimeGauge and DownTimeGauge. */
  values(nowMs: number): Readonly<Record<string, number>> {
    const since = (ms: number | undefined): number => (this.ended ? -1 : ms === undefined ? 0 : nowMs - ms)
    return {
      uptime: since(this.runningSinceMs),
      downtime: since(this.downSinceMs),
      fullRestarts: this.restarts,
      lastCheckpointDuration: this.lastDurationMs,
      lastCheckpointSize: this.lastBytes,
      numberOfCompletedCheckpoints: this.completed,
      numberOfFailedCheckpoints: this.failedCheckpoints,
    }
  }
}
