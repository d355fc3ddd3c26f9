import { MillraceError } from '../../../runtime/contract/errors.js'
import type { RawRecord, Source } from '../../../runtime/contract/source.js'
import { FileEnumerator } from './file-enumerator.js'
import { FileSplitReader, type SplitHost } from './file-split-reader.js'
import type { FileEnumeratorState, FileFraming, FileSplit } from './file-split.js'

/** What {@link fileSource} reads, and how it is cut into records. */
export interface FileSourceOptions {
  /** Files, folders (with all below them) and globs. Relative ones start at the working directory. */
  readonly paths: string | readonly string[]
  /** What a record is: a line, or a CSV record (a quoted field may hold line ends). Default `lines`. */
  readonly format?: 'lines' | 'csv'
  /** Leave out lines of spaces, tabs and carriage returns only. They count nowhere. Default false. */
  readonly skipBlank?: boolean
  /** Cut files into splits of so many bytes, so that several readers share a file. Default: a file is a split. Lines only. */
  readonly splitBytes?: number
  /** CSV only: the character between fields, ASCII. Default a comma. */
  readonly delimiter?: string
  /** CSV only: the first record of each file names the columns. Default true. */
  readonly header?: boolean
}

/**
 * Reads files once, to the size they had when the job first started. Positions are exact byte offsets, so a restored job goes on in the
 * middle of a file; a file that has vanished, shrunk or changed since is MILLRACE_INPUT. A record's position is `path:byteOffset` of its
 * first byte, the path as given (below a folder: the folder as given and the rest). Bounded; all splits are known at the start.
 */
export function fileSource(options: FileSourceOptions): Source<RawRecord, FileSplit, FileEnumeratorState> {
  const paths = typeof options.paths === 'string' ? [options.paths] : [...options.paths]
  const framing = framingOf(options, paths)
  const { splitBytes } = options
  return {
    name: 'file',
    bounded: true,
    describe: describe(paths, framing),
    createEnumerator: (ctx) => new FileEnumerator(paths, splitBytes, ctx),
    createReader: (ctx) => {
      const host: SplitHost = {
        openFiles: { count: 0 },
        openSplits: { count: 0 },
        warn: (message) => ctx.warn(message),
      }
      return { openSplit: ({ split }) => new FileSplitReader(split, framing, host) }
    },
  }
}

function framingOf(options: FileSourceOptions, paths: readonly string[]): FileFraming {
  const { format = 'lines', splitBytes, delimiter, header, skipBlank = false } = options
  if (paths.length === 0) refuse('fileSource has no paths', 'name at least one file, folder or glob')
  if (format === 'lines' && (delimiter !== undefined || header !== undefined)) {
    refuse("delimiter and header are options of format 'csv' only", "set format: 'csv', or leave them out")
  }
  if (format === 'csv' && splitBytes !== undefined) {
    refuse('a CSV file cannot be read in byte ranges: a quoted field may hold line ends', 'leave splitBytes out')
  }
  if (splitBytes !== undefined && !(Number.isSafeInteger(splitBytes) && splitBytes > 0)) {
    refuse(`splitBytes is not a positive whole number: ${splitBytes}`, 'give a number of bytes, such as 67108864')
  }
  if (delimiter !== undefined && !/^[\x01-\x7f]$/.test(delimiter.replace(/["\r\n]/, ''))) {
    refuse(
      `the CSV delimiter is not one ASCII character: ${JSON.stringify(delimiter)}`,
      "give one, such as ';' or '\\t'",
    )
  }
  return { format, skipBlank, delimiter: delimiter ?? ',', header: format === 'csv' && (header ?? true) }
}

function describe(paths: readonly string[], { format, delimiter, header }: FileFraming): string {
  const list = paths.map((path) => `file:${path}`).join(',')
  return format === 'lines'
    ? list
    : `${list} (csv, delimiter ${JSON.stringify(delimiter)}${header ? '' : ', no header'})`
}

function refuse(message: string, hint: string): never {
  throw new MillraceError('MILLRACE_GRAPH', message, { hint })
}
