// The way of a line: `ReadAhead` fetches chunks behind `poll`; `poll` looks for line ends in the chunk at hand and moves one
// `FileRecord` over it. A record that crosses chunks is put together in `Carry`.
//
//     chunk      ....\n.......\n.........\n...|
//     next            ^ first record not yet handed over: the position of the split, a file offset
//
// Invariant between polls: everything before `next` has been handed over, and `carry` holds the bytes from `next` to the chunk's
// start (none, when `next` is in the chunk).
import type { PollStatus, RawOutput, RawRecord, SplitReader } from '../../../runtime/contract/source.js'
import { NO_TIMESTAMP } from '../../../runtime/contract/time.js'
import type { CsvShape } from '../../formats/csv.js'
import { Carry } from './carry.js'
import { readColumns } from './csv-header.js'
import { FileRecord } from './file-record.js'
import type { FileFraming, FileSplit } from './file-split.js'
import { type OpenSplits, ReadAhead } from './read-ahead.js'
import { csvScanner, lineScanner, type RecordScanner } from './record-scanner.js'
import { type OpenFiles, SplitFile } from './split-file.js'

const LINE_END = 0x0a
const CARRIAGE_RETURN = 0x0d
const BOM = Buffer.from('\ufeff')

/** What the split readers of one subtask share. */
export interface SplitHost {
  readonly openFiles: OpenFiles
  readonly openSplits: OpenSplits
  warn(message: string): void
}

/**
 * Reads one split of a file. The line end (`\n` or `\r\n`) is not part of a record; a last line needs none. A byte order mark at the
 * start of the file is skipped. Slot thread.
 */
export class FileSplitReader implements SplitReader<RawRecord, FileSplit> {
  private readonly split: FileSplit
  private readonly framing: FileFraming
  private readonly host: SplitHost
  private readonly file: SplitFile
  private readonly carry: Carry
  private readonly scanner: RecordScanner
  private record: FileRecord
  private ahead: ReadAhead | undefined
  private preparing: Promise<void> | undefined
  private chunk: Buffer | undefined
  private base = 0
  private at = 0
  private next: number
  private to: number
  private aligned: boolean
  private ended = false
  private closed = false
  private warned = false

  constructor(split: FileSplit, framing: FileFraming, host: SplitHost) {
    this.split = split
    this.framing = framing
    this.host = host
    this.file = new SplitFile(split, host.openFiles)
    this.carry = new Carry(split.path)
    this.scanner = framing.format === 'csv' ? csvScanner(framing.delimiter) : lineScanner()
    this.record = new FileRecord(split.path, undefined)
    this.next = split.from
    this.to = split.to
    this.aligned = split.aligned
    host.openSplits.count++
  }

  poll(out: RawOutput<RawRecord>, max: number): PollStatus {
    let handed = 0
    while (!this.ended) {
      if (handed >= max) return 'more'
      if (this.chunk !== undefined || this.takeChunk()) handed = this.drain(this.chunk!, out, handed, max)
      else if (this.ahead?.finished === true) this.finish(out)
      else return 'wait'
    }
    return 'end'
  }

  async available(): Promise<void> {
    await (this.preparing ??= this.prepare())
    if (this.chunk === undefined && !this.ended) await this.ahead?.ready()
  }

  position(): FileSplit {
    const { path, size, head } = this.split
    if (!this.aligned) return this.split
    return { path, size, head, from: this.next, to: this.to, aligned: true }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.ended = true
    this.host.openSplits.count--
    // Its failure belongs to whoever waits in `available`.
    await this.preparing?.catch(() => undefined)
    await this.ahead?.close()
    this.chunk = undefined
    if (this.ahead !== undefined && this.to >= this.split.size && !this.warned) {
      // The last look: whoever took the file away after it was read may do so.
      await this.warnOfGrowth().catch(() => undefined)
    }
    await this.file.close()
  }

  /** Checks the file and finds where the first record may begin. */
  private async prepare(): Promise<void> {
    const { path, size, from } = this.split
    const head = await this.file.readHead()
    const start = head.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0
    if (from === 0) {
      this.next = start
      // The record behind the mark belongs to the split that has the mark.
      if (start > 0) this.to = Math.max(this.to, start + 1)
    }
    if (this.framing.format === 'csv') {
      const shape: CsvShape = { delimiter: this.framing.delimiter }
      if (this.framing.header) {
        const { columns, end } = await readColumns(this.file, path, size, start, this.framing.delimiter)
        this.next = Math.max(this.next, end)
        this.record = new FileRecord(path, { ...shape, columns })
      } else {
        this.record = new FileRecord(path, shape)
      }
    }
    if (this.closed) return
    const first = this.aligned ? this.next : this.next - 1
    this.ahead = new ReadAhead(this.file, first, this.to, size, this.host.openSplits)
    if (this.aligned && this.next >= this.to) this.ended = true
    if (this.to >= size) await this.warnOfGrowth()
  }

  private takeChunk(): boolean {
    const { ahead } = this
    const chunk = ahead?.take()
    if (ahead === undefined || chunk === undefined) return false
    this.chunk = chunk
    this.base = ahead.chunkOffset
    this.at = 0
    this.record.lookAt(chunk)
    if (this.aligned) return true
    const end = chunk.indexOf(LINE_END)
    if (end < 0) {
      this.chunk = undefined
      return this.takeChunk()
    }
    this.aligned = true
    this.at = end + 1
    this.next = this.base + this.at
    return true
  }

  /** Hands over records of the chunk until it is used up, the split ends or `max` is reached. */
  private drain(chunk: Buffer, out: RawOutput<RawRecord>, handed: number, max: number): number {
    const { base, to, scanner, record, carry } = this
    const { skipBlank } = this.framing
    if (carry.length > 0) {
      handed += this.drainCarry(chunk, out)
      if (this.chunk === undefined) return handed
    }
    let at = this.at
    while (handed < max) {
      const offset = base + at
      if (offset >= to) {
        this.ended = true
        this.chunk = undefined
        return handed
      }
      const end = scanner.recordEnd(chunk, at)
      if (end < 0) {
        carry.append(chunk, at, chunk.length, offset)
        this.chunk = undefined
        return handed
      }
      record.moveTo(at, end > at && chunk[end - 1] === CARRIAGE_RETURN ? end - 1 : end, offset)
      at = end + 1
      this.at = at
      this.next = base + at
      handed++
      if (!skipBlank || !record.isBlank()) out.collect(record, NO_TIMESTAMP)
    }
    return handed
  }

  /** Completes the record that began in an earlier chunk, if it ends in this one. */
  private drainCarry(chunk: Buffer, out: RawOutput<RawRecord>): number {
    const end = this.scanner.recordEnd(chunk, 0)
    this.carry.append(chunk, 0, end < 0 ? chunk.length : end, this.next)
    if (end < 0) {
      this.chunk = undefined
      return 0
    }
    this.at = end + 1
    this.handCarry(out, this.base + this.at, true)
    this.record.lookAt(chunk)
    return 1
  }

  /** The file is read to its end: what is left is a last line without a line end. */
  private finish(out: RawOutput<RawRecord>): void {
    this.ended = true
    if (this.carry.length > 0) this.handCarry(out, this.next + this.carry.length, false)
  }

  private handCarry(out: RawOutput<RawRecord>, next: number, hasLineEnd: boolean): void {
    const { record, carry } = this
    const bytes = carry.view()
    const cut = hasLineEnd && bytes[bytes.length - 1] === CARRIAGE_RETURN ? 1 : 0
    record.lookAt(bytes)
    record.moveTo(0, bytes.length - cut, this.next)
    this.next = next
    carry.clear()
    if (!this.framing.skipBlank || !record.isBlank()) out.collect(record, NO_TIMESTAMP)
  }

  private async warnOfGrowth(): Promise<void> {
    const { path, size } = this.split
    const now = await this.file.currentSize()
    if (now <= size) return
    this.warned = true
    this.host.warn(`input ${path} has grown from ${size} to ${now} bytes: only the first ${size} are read`)
  }
}
