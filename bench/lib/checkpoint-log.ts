import type { Figures } from './timeline.js'

/** What the engine says of a completed checkpoint. */
export interface CheckpointFigures {
  readonly durationMs: number
  readonly writtenBytes: number
  readonly stateBytes: number
}

/** Adds up the checkpoints of a run. */
export class CheckpointLog {
  private readonly all: CheckpointFigures[] = []

  private restoredBytes: number | undefined

  add(checkpoint: CheckpointFigures): void {
    this.all.push(checkpoint)
  }

  /** The job goes on from the latest one. */
  restored(): void {
    this.restoredBytes = this.all.at(-1)?.stateBytes
  }

  restoredFigures(): Figures {
    return this.restoredBytes === undefined ? {} : { restored_checkpoint_bytes: this.restoredBytes }
  }

  figures(): Figures {
    const latest = this.all.at(-1)
    if (latest === undefined) return { checkpoints: 0 }
    const durations = this.all.map(({ durationMs }) => durationMs)
    return {
      checkpoints: this.all.length,
      checkpoint_mean_ms: Math.round(durations.reduce((a, b) => a + b) / durations.length),
      checkpoint_max_ms: Math.round(Math.max(...durations)),
      checkpoint_last_ms: Math.round(latest.durationMs),
      checkpoint_last_bytes: latest.stateBytes,
      checkpoint_last_written_bytes: latest.writtenBytes,
    }
  }
}
