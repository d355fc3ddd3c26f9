import { MillraceError } from '../contract/errors.js'
import type { SourceNode } from '../contract/graph.js'
import type { Output } from '../contract/output.js'
import type { DecodeOutput, InvalidRecord, RawOutput, RawRecord } from '../contract/source.js'
import { NO_TIMESTAMP } from '../contract/time.js'
import type { LocalCounter } from './counters.js'
import type { SplitState } from './split-state.js'
import { operatorFailure } from '../contract/operator-failure.js'

/** A raw record as the invalid output shows it; `rawBase64` where its bytes are not UTF-8. */
export function toInvalidRecord(record: RawRecord, reason: string): InvalidRecord {
  const raw = record.text()
  const invalid = { raw, reason, source: record.position() }
  if (!raw.includes('\ufffd') || Buffer.from(raw, 'utf8').equals(record.bytes)) return invalid
  return { ...invalid, rawBase64: Buffer.from(record.bytes).toString('base64') }
}

/** Raw records in, decoded records with event time out, watermarks of the current split moved. Slot thread; one per source subtask. */
export class Decoding implements RawOutput<unknown>, DecodeOutput<unknown> {
  /** The split being polled. */
  split: SplitState | undefined
  /** Raw records taken so far, skipped ones too. */
  records = 0
  private readonly node: SourceNode
  private readonly output: Output<unknown>
  private readonly invalidOutput: Output<unknown>
  private readonly recordsIn: LocalCounter
  private readonly invalidRecords: LocalCounter
  private readonly timestampOf: ((value: unknown, recordTimestamp: number) => number) | undefined
  private readonly decode: ((raw: unknown, out: DecodeOutput<unknown>) => void) | undefined
  private raw: unknown
  /** The decoder made nothing of the record: it is not counted. */
  private skipped = false
  private rawTimestamp = NO_TIMESTAMP

  constructor(
    node: SourceNode,
    output: Output<unknown>,
    invalidOutput: Output<unknown>,
    counters: { recordsIn: LocalCounter; invalidRecords: LocalCounter },
  ) {
    this.node = node
    this.output = output
    this.invalidOutput = invalidOutput
    this.recordsIn = counters.recordsIn
    this.invalidRecords = counters.invalidRecords
    this.timestampOf = node.watermarks.timestamp as ((value: unknown, recordTimestamp: number) => number) | undefined
    const decoder = node.decoder
    this.decode = decoder === undefined ? undefined : (raw, out) => decoder.decode(raw as never, out)
  }

  collect(raw: unknown, timestamp: number): void {
    this.records++
    this.rawTimestamp = timestamp
    if (this.decode === undefined) {
      this.recordsIn.count++
      return this.emit(raw)
    }
    this.raw = raw
    this.skipped = true
    try {
      this.decode(raw, this)
    } catch (error) {
      throw operatorFailure(error, this.node.uid)
    }
    if (!this.skipped) this.recordsIn.count++
  }

  emit(value: unknown): void {
    this.skipped = false
    const timestamp = this.timestampOf === undefined ? this.rawTimestamp : this.eventTime(value)
    this.split!.observe(timestamp)
    this.output.emit(value, timestamp)
  }

  invalid(reason: string): void {
    this.skipped = false
    this.invalidRecords.count++
    this.invalidOutput.emit(toInvalidRecord(this.raw as RawRecord, reason), NO_TIMESTAMP)
  }

  private eventTime(value: unknown): number {
    let timestamp: number
    try {
      timestamp = this.timestampOf!(value, this.rawTimestamp)
    } catch (error) {
      throw operatorFailure(error, this.node.uid)
    }
    if (Number.isFinite(timestamp)) return timestamp
    throw operatorFailure(
      new MillraceError(
        'MILLRACE_USER',
        `the timestamp of a record is ${String(timestamp)}, not a number of milliseconds`,
        {
          hint: 'let the decoder refuse records without a valid time',
        },
      ),
      this.node.uid,
    )
  }
}
