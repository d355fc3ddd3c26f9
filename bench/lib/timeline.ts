import { checksumText, emptyChecksum, mergeChecksum, type Checksum } from '../streams/checksum.js'
import type { Moment, ProbeMessage } from './probe.js'

/** Figures of the line that a run ends with, in its order. */
export type Figures = Record<string, string | number>

/** Puts together what the slots of a run tell. */
export class Timeline {
  failed: { readonly index: number; readonly at: Moment } | undefined
  private readonly records: number
  private submitted: Moment | undefined
  private started: Moment | undefined
  private half: Moment | undefined
  private output: Moment | undefined
  private passed: Moment | undefined
  private attempt = 0
  private readonly results = new Map<number, { readonly checksum: Checksum; readonly at: Moment }>()

  constructor(records: number) {
    this.records = records
  }

  /** An attempt begins; what writers of earlier ones tell when they close is not the result. */
  begin(attempt: number, at: Moment): void {
    this.submitted ??= at
    this.attempt = attempt
    this.results.clear()
  }

  hear(message: ProbeMessage): void {
    switch (message.kind) {
      case 'started':
        this.started = earlier(this.started, message.at)
        return
      case 'half':
        this.half = earlier(this.half, message.at)
        return
      case 'failing':
        this.failed ??= message
        return
      case 'output':
        this.output = earlier(this.output, message.at)
        return
      case 'passed':
        this.passed = earlier(this.passed, message.at)
        return
      case 'result':
        if (message.attempt === this.attempt) this.results.set(message.subtask, message)
        return
      case 'checkpointed':
        return
    }
  }

  /** Writers that have told their result. */
  get writers(): number {
    return this.results.size
  }

  speed(): Figures {
    const { records, submitted, half } = this
    const end = [...this.results.values()].map(({ at }) => at).reduce(later)
    const wallMs = end.ms - submitted!.ms
    const cpuMs = end.cpuMs - submitted!.cpuMs
    const rest = records - Math.floor(records / 2)
    return {
      wall_ms: Math.round(wallMs),
      ...(this.started === undefined ? {} : { deploy_ms: Math.round(this.started.ms - submitted!.ms) }),
      records_per_s: Math.round((records / wallMs) * 1000),
      cpu_s: Math.round(cpuMs / 10) / 100,
      records_per_cpu_s: Math.round((records / cpuMs) * 1000),
      ...(half === undefined
        ? {}
        : {
            steady_records_per_s: Math.round((rest / (end.ms - half.ms)) * 1000),
            steady_records_per_cpu_s: Math.round((rest / (end.cpuMs - half.cpuMs)) * 1000),
          }),
    }
  }

  recovery(): Figures {
    const { failed, output, passed } = this
    if (failed === undefined) return {}
    const since = (name: string, at: Moment | undefined): Figures =>
      at === undefined ? {} : { [name]: Math.round(at.ms - failed.at.ms) }
    return {
      failed_at_record: failed.index,
      ...since('recover_first_output_ms', output),
      ...since('recover_caught_up_ms', passed),
    }
  }

  result(): Figures {
    const total = emptyChecksum()
    for (const { checksum } of this.results.values()) mergeChecksum(total, checksum)
    return { result_count: total.count, result_checksum: checksumText(total) }
  }
}

function earlier(a: Moment | undefined, b: Moment): Moment {
  return a !== undefined && a.ms <= b.ms ? a : b
}

function later(a: Moment, b: Moment): Moment {
  return a.ms >= b.ms ? a : b
}
