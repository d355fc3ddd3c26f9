import type { Sink, SinkWriter, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { consoleLine } from './console-line.js'
import { LimitedLines } from './limited-lines.js'

const DEFAULT_LINES_PER_SECOND = 10

/** How {@link consoleSink} prints. */
export interface ConsoleSinkOptions {
  /**
   * `stdout`: every record on the job's standard output. `stderr`: as a warning, rate-limited, for records that should not be there.
   * Default `stdout`.
   */
  readonly to?: 'stdout' | 'stderr'
  /** `stderr` only: more than so many a second, for each subtask, are counted instead of shown. Default 10. */
  readonly linesPerSecond?: number
}

/**
 * Prints each record as one line: a string as it is, anything else as JSON. At-least-once: after a restore, records since the last
 * checkpoint are printed again.
 */
export function consoleSink<T = unknown>(options: ConsoleSinkOptions = {}): Sink<T> {
  const { to = 'stdout', linesPerSecond = DEFAULT_LINES_PER_SECOND } = options
  return {
    name: 'console',
    guarantee: 'at-least-once',
    describe: to === 'stdout' ? 'console:' : 'console:stderr',
    createWriter: (ctx) => (to === 'stdout' ? printWriter(ctx) : warnWriter(ctx, linesPerSecond)),
  }
}

function printWriter<T>(ctx: SinkWriterContext): SinkWriter<T> {
  return {
    write: (value) => ctx.print(consoleLine(value)),
    flush: () => undefined,
  }
}

function warnWriter<T>(ctx: SinkWriterContext, linesPerSecond: number): SinkWriter<T> {
  const lines = new LimitedLines(ctx, linesPerSecond)
  return {
    write: (value) => lines.add(consoleLine(value)),
    flush: () => undefined,
    close: () => lines.close(),
  }
}
