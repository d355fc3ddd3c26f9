import { isAscii } from 'node:buffer'
import type { RawRecord } from '../../../runtime/contract/source.js'

/** What a decoder of a Kinesis source sees. The reader reuses the object: copy what is to be kept. */
export interface KinesisRecord extends RawRecord {
  readonly partitionKey: string
  /** Decimal, of any length; unique in the shard. All user records of an aggregated record have the same. */
  readonly sequenceNumber: string
  /** Which user record of an aggregated record it is, from 0; undefined if it was not aggregated. */
  readonly subSequence: number | undefined
  /** When the service took it, by its own clock. Epoch milliseconds; NaN if it does not say. Also the record's own timestamp. */
  readonly approximateArrivalMs: number
  readonly shardId: string
  /** `stream/shardId:sequenceNumber`, with `:subSequence` if it was aggregated. */
  position(): string
}

/** The one record of a shard reader: moves over what has been fetched. */
export class MovingRecord implements KinesisRecord {
  bytes: Uint8Array = new Uint8Array(0)
  partitionKey = ''
  sequenceNumber = ''
  subSequence: number | undefined = undefined
  approximateArrivalMs: number = NaN
  readonly shardId: string
  private readonly stream: string

  constructor(stream: string, shardId: string) {
    this.stream = stream
    this.shardId = shardId
  }

  text(): string {
    const { bytes } = this
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return buffer.toString(isAscii(bytes) ? 'latin1' : 'utf8')
  }

  position(): string {
    const sub = this.subSequence === undefined ? '' : `:${this.subSequence}`
    return `${this.stream}/${this.shardId}:${this.sequenceNumber}${sub}`
  }
}
