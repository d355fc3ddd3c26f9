import { resolve } from 'node:path'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { Sink } from '../../../runtime/contract/sink.js'
import { jsonLines, type LineFormat } from './line-format.js'
import { ensureFolder } from './output-folder.js'
import { PartCommitter } from './part-committer.js'
import { type PartCommittable, PartWriter } from './part-writer.js'

const DEFAULT_ROLL_BYTES = 128 * 1024 * 1024

/** Where and how {@link fileSink} writes. */
export interface FileSinkOptions<T> {
  /** The folder of the parts, created if missing. A relative one starts at the working directory. Several sinks may share it. */
  readonly directory: string
  /** Default: {@link jsonLines}. */
  readonly format?: LineFormat<T>
  /** What part names begin with: letters, digits and `_`, not `_` first. Default `part`. */
  readonly prefix?: string
  /** A part that has reached so many bytes is completed and another begun, within a checkpoint. Default 128 MB. */
  readonly rollBytes?: number
}

/**
 * Writes lines into files, exactly once: parts are hidden (their names begin with a dot) until the checkpoint that holds them is
 * complete, then they are published whole, under the name `part-<run>-<uid>-<subtask>-<checkpoint>-e<epoch>a<attempt>s<sequence>.jsonl`.
 * Readers take every file whose name begins with neither `.` nor `_`, at any moment. An interval without records makes no part. What
 * cannot be written is MILLRACE_OUTPUT. The protocol is that of Flink's FileSink, rolling on every checkpoint.
 */
export function fileSink<T = unknown>(options: FileSinkOptions<T>): Sink<T, PartCommittable> {
  const { directory, prefix = 'part', rollBytes = DEFAULT_ROLL_BYTES } = options
  const format = options.format ?? jsonLines()
  if (directory === '') refuse('fileSink has an empty directory', 'name a folder: file:DIR')
  if (!/^[A-Za-z0-9]\w{0,31}$/.test(prefix)) {
    refuse(
      `fileSink prefix ${JSON.stringify(prefix)} is not a word of letters, digits and _`,
      'use at most 32 of them, _ not first',
    )
  }
  if (!(rollBytes > 0)) refuse(`fileSink rollBytes is not a positive number: ${rollBytes}`, 'give a number of bytes')
  return {
    name: 'file',
    guarantee: 'exactly-once',
    describe: `file:${resolve(directory)}`,
    createWriter: async (ctx) => {
      await ensureFolder(directory)
      return new PartWriter(directory, format, prefix, rollBytes, ctx)
    },
    createCommitter: (ctx) => new PartCommitter(directory, prefix, ctx),
  }
}

function refuse(message: string, hint: string): never {
  throw new MillraceError('MILLRACE_GRAPH', message, { hint })
}
