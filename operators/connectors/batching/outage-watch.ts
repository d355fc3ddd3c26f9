import type { AwsResource } from '../../../runtime/aws/aws-errors.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { SinkWriterContext } from '../../../runtime/contract/sink.js'
import { steadyTime } from '../../../runtime/contract/time.js'

const DEFAULT_GIVE_UP_MS = 10 * 60_000
const FIRST_WARNING_MS = 10_000
const WARN_EVERY_MS = 60_000

/** Says when records can't be delivered for long, a line a minute at most, and gives up in the end. */
export class OutageWatch {
  private readonly ctx: Pick<SinkWriterContext, 'clock' | 'uid' | 'warn'>
  private readonly about: AwsResource
  private readonly giveUpMs: number
  private warnedAtMs = -Infinity

  constructor(ctx: Pick<SinkWriterContext, 'clock' | 'uid' | 'warn'>, about: AwsResource, giveUpMs?: number) {
    this.ctx = ctx
    this.about = about
    this.giveUpMs = giveUpMs ?? DEFAULT_GIVE_UP_MS
  }

  /** An entry failed again, since `sinceMs` of the clock's steady time. MILLRACE_OUTPUT if it has failed for too long. */
  failed(sinceMs: number, reason: string): void {
    const now = steadyTime(this.ctx.clock)
    const lastsMs = now - sinceMs
    const { code, resource } = this.about
    if (lastsMs >= this.giveUpMs) {
      throw new MillraceError(
        code,
        `${resource}: a record could not be delivered for ${seconds(lastsMs)}; the service says ${reason}`,
        { hint: 'the job goes on from its last checkpoint once the service takes records again' },
      )
    }
    if (lastsMs < FIRST_WARNING_MS || now - this.warnedAtMs < WARN_EVERY_MS) return
    this.warnedAtMs = now
    this.ctx.warn(
      `${resource}: records could not be delivered for ${seconds(lastsMs)} (${reason}); trying for ${seconds(this.giveUpMs)} in all`,
    )
  }
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 1_000)} s`
}
