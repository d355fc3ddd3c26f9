import { MillraceError } from '../../../runtime/contract/errors.js'
import type { PollStatus, RawOutput, SplitReader } from '../../../runtime/contract/source.js'
import type { RedrivenLetter } from '../../api/error-policy.js'
import { parseLine } from './letter-line.js'
import type { RedriveFolder } from './redrive-folder.js'

/**
 * A file, and its first line that is not yet read. `ended`: there is none. `job`: whose it is; another one's, after a restore from its
 * checkpoint.
 */
export type RedriveSplit = {
  readonly job: string
  readonly name: string
  readonly line: number
  readonly ended: boolean
}

/** Reads one file of dead letters: they are small. Slot thread. */
export class RedriveReader implements SplitReader<RedrivenLetter, RedriveSplit> {
  private readonly split: RedriveSplit
  private readonly where: string
  private readonly lines: readonly string[]
  private line: number

  private constructor(split: RedriveSplit, where: string, lines: readonly string[]) {
    this.split = split
    this.where = where
    this.lines = lines
    this.line = split.line
  }

  /** MILLRACE_INPUT for a file that no longer has the line where the split goes on. */
  static async open(folder: RedriveFolder, split: RedriveSplit): Promise<RedriveReader> {
    const where = folder.describe(split.name)
    if (split.ended) return new RedriveReader(split, where, [])
    const lines = await folder.read(split.name)
    if (lines !== undefined && split.line < lines.length) return new RedriveReader(split, where, lines)
    const what = lines === undefined ? 'is gone' : `has ${lines.length} lines, and line ${split.line + 1} is the next`
    throw new MillraceError('MILLRACE_INPUT', `${where} ${what}`, {
      hint: 'the job has not read all of it: put it back as it was',
    })
  }

  poll(out: RawOutput<RedrivenLetter>, max: number): PollStatus {
    for (let n = 0; n < max && this.line < this.lines.length; n++) {
      const at = this.line++
      const { again } = parseLine(this.lines[at]!, `${this.where}:${at + 1}`)
      if (again !== undefined) out.collect(again.letter, again.timestamp)
    }
    return this.line < this.lines.length ? 'more' : 'end'
  }

  async available(): Promise<void> {}

  position(): RedriveSplit {
    const { split, line, lines } = this
    return { ...split, line, ended: split.ended || line >= lines.length }
  }
}
