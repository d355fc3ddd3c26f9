import type { RawRecord } from '../../../runtime/contract/source.js'
import { type DatagenOptions, datagenSource, type DatagenSource } from './datagen.js'

/** As {@link DatagenOptions}, but a record is a text. */
export interface DatagenLinesOptions extends Omit<DatagenOptions<RawRecord>, 'generate' | 'timestampOf'> {
  /** The text of a global index: a pure function of its arguments. */
  readonly line: (index: number, seed: number) => string
}

/**
 * Generated texts as raw records, to be decoded like lines of a file: a stand-in for a real input. A record's position is
 * `datagen:<name>:<index>`.
 */
export function datagenLines(options: DatagenLinesOptions): DatagenSource<RawRecord> {
  const { line, seed = 0, name = 'generated' } = options
  return datagenSource(options, () => {
    const record = new GeneratedLine(name)
    return (index) => record.moveTo(line(index, seed), index)
  })
}

/** One for each split, moved from text to text. */
class GeneratedLine implements RawRecord {
  private readonly name: string
  private line = ''
  private index = 0

  constructor(name: string) {
    this.name = name
  }

  get bytes(): Uint8Array {
    return Buffer.from(this.line)
  }

  text(): string {
    return this.line
  }

  position(): string {
    return `datagen:${this.name}:${this.index}`
  }

  moveTo(line: string, index: number): this {
    this.line = line
    this.index = index
    return this
  }
}
