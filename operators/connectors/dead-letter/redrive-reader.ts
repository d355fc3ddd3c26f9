import { MillraceError } from '../../../runtime/contract/errors.js'
import type { PollStatus, RawOutput, SplitReader } from '../../../runtime/contract/source.js'
import type { RedrivenLetter } from '../../api/error-policy.js'
import { parseLine } from './letter-line.js'
import type { RedriveFolder } from './redrive-folder.js'

/** A file, and its first line that is not yet read. `ended`: there is none. */
export type RedriveSplit = { readonly name: string; readonly line: number; readonly ended: boolean }

/** Reads one file of dead letters: they are small. Slot thread. */
export class RedriveReader implements SplitReader<RedrivenLetter, RedriveSplit> {
  private readonly name: string
  private readonly where: string
  private readonly lines: readonly string[]
  private line: number

  private constructor(name: string, where: string, lines: readonly string[], line: number) {
    this.name = name
    this.where = where
    this.lines = lines
    this.line = line
  }

  /** MILLRACE_INPUT for a file that is gone before it was read. */
  static async open(folder: RedriveFolder, { name, line, ended }: RedriveSplit): Promise<RedriveReader> {
    const where = folder.describe(name)
    if (ended) return new RedriveReader(name, where, [], 0)
    const lines = await folder.read(name)
    if (lines !== undefined) return new RedriveReader(name, where, lines, line)
    throw new MillraceError('MILLRACE_INPUT', `${where} was removed before it was read`, {
      hint: 'a checkpoint names it: put it back',
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
    const { name, line, lines } = this
    return { name, line, ended: line >= lines.length }
  }
}
