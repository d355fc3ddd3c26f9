import { MillraceError } from '../../../runtime/contract/errors.js'
import type { EnumeratorContext, IdentifiedSplit, SplitEnumerator } from '../../../runtime/contract/source.js'
import type { FileEnumeratorState, FileSplit, PinnedFile } from './file-split.js'
import { listFiles } from './list-files.js'
import { pinFiles, verifyFiles } from './pin-files.js'
import { planSplits, spreadSplits } from './plan-splits.js'

/** Above this, splits cost more than they spread. */
const MAX_SPLITS = 100_000

/** Lists the input once, at the job's first start, and gives all of it out at once. Main thread. */
export class FileEnumerator implements SplitEnumerator<FileSplit, FileEnumeratorState> {
  private readonly paths: readonly string[]
  private readonly splitBytes: number | undefined
  private readonly ctx: EnumeratorContext<FileSplit>
  private files: readonly PinnedFile[] | undefined

  constructor(paths: readonly string[], splitBytes: number | undefined, ctx: EnumeratorContext<FileSplit>) {
    this.paths = paths
    this.splitBytes = splitBytes
    this.ctx = ctx
  }

  async start(
    restored: FileEnumeratorState | undefined,
    assigned: readonly IdentifiedSplit<FileSplit>[],
  ): Promise<void> {
    if (restored == null) await this.discover()
    else await this.verify(restored.files, assigned)
    this.ctx.signalNoMoreSplits()
  }

  snapshotState(): FileEnumeratorState {
    return this.files === undefined ? null : { files: this.files }
  }

  private async discover(): Promise<void> {
    const files = await pinFiles(await listFiles(this.paths, (message) => this.ctx.warn(message)))
    const splits = planSplits(files, this.splitBytes)
    if (splits.length > MAX_SPLITS) {
      throw new MillraceError('MILLRACE_INPUT', `the input has ${splits.length} splits, more than ${MAX_SPLITS}`, {
        hint: 'raise splitBytes, or join small files',
      })
    }
    this.files = files
    spreadSplits(splits, this.ctx.parallelism).forEach((mine, subtask) => {
      if (mine.length > 0) this.ctx.assignSplits(subtask, mine)
    })
  }

  private async verify(files: readonly PinnedFile[], assigned: readonly IdentifiedSplit<FileSplit>[]): Promise<void> {
    const grown = await verifyFiles(files)
    this.files = files
    // A reader that still reads such a file to its end says so itself.
    const openToEnd = new Set(assigned.filter(({ split }) => split.to >= split.size).map(({ split }) => split.path))
    for (const { path, size, now } of grown) {
      if (openToEnd.has(path)) continue
      this.ctx.warn(`input ${path} has grown from ${size} to ${now} bytes: only the first ${size} are read`)
    }
    const known = new Set(files.map((file) => file.path))
    const fresh = (await listFiles(this.paths, () => undefined)).filter((path) => !known.has(path))
    if (fresh.length > 0) {
      this.ctx.warn(
        `${fresh.length} input files are new since the job started and are not read, ${fresh[0]} among them`,
      )
    }
  }
}
