import { hash } from 'node:crypto'
import protobuf from 'protobufjs/minimal.js'
import { DIGEST_BYTES, MAGIC, TAG } from './aggregate-format.js'

/** A record to go into an aggregated one. */
export interface AggregatedInput {
  readonly data: Uint8Array
  readonly partitionKey: string
  /** Decimal digits. */
  readonly explicitHashKey?: string
  /** What the format calls tags; consumers see them if their library shows them (KCL does not). */
  readonly tags?: readonly { readonly key: string; readonly value?: string }[]
}

/** A key table: each key once. */
class KeyTable {
  readonly keys: string[] = []
  private readonly indexes = new Map<string, number>()

  indexOf(key: string): number {
    return this.indexes.get(key) ?? this.keys.length
  }

  has(key: string): boolean {
    return this.indexes.has(key)
  }

  add(key: string): number {
    const known = this.indexes.get(key)
    if (known !== undefined) return known
    this.indexes.set(key, this.keys.length)
    return this.keys.push(key) - 1
  }
}

/** Collects user records and writes them as one aggregated record. Any thread; load this module lazily. */
export class AggregateBuilder {
  private readonly partitionKeys = new KeyTable()
  private readonly explicitHashKeys = new KeyTable()
  private readonly records: AggregatedInput[] = []
  private messageBytes = 0

  get count(): number {
    return this.records.length
  }

  /** Bytes of the aggregated record as it is. */
  get bytes(): number {
    return MAGIC.length + this.messageBytes + DIGEST_BYTES
  }

  /** Bytes of the aggregated record with one more. */
  bytesWith(input: AggregatedInput): number {
    return this.bytes + this.added(input)
  }

  add(input: AggregatedInput): void {
    this.messageBytes += this.added(input)
    this.partitionKeys.add(input.partitionKey)
    if (input.explicitHashKey !== undefined) this.explicitHashKeys.add(input.explicitHashKey)
    this.records.push(input)
  }

  build(): Uint8Array {
    const writer = protobuf.Writer.create()
    for (const key of this.partitionKeys.keys) writer.uint32(TAG.partitionKeyTable).string(key)
    for (const key of this.explicitHashKeys.keys) writer.uint32(TAG.explicitHashKeyTable).string(key)
    for (const record of this.records) this.writeRecord(writer, record)
    const message = writer.finish()
    return Buffer.concat([MAGIC, message, hash('md5', message, 'buffer')])
  }

  private writeRecord(
    writer: protobuf.Writer,
    { data, partitionKey, explicitHashKey, tags = [] }: AggregatedInput,
  ): void {
    writer.uint32(TAG.records).fork()
    writer.uint32(TAG.record.partitionKeyIndex).uint32(this.partitionKeys.indexOf(partitionKey))
    if (explicitHashKey !== undefined) {
      writer.uint32(TAG.record.explicitHashKeyIndex).uint32(this.explicitHashKeys.indexOf(explicitHashKey))
    }
    writer.uint32(TAG.record.data).bytes(data)
    for (const { key, value } of tags) {
      writer.uint32(TAG.record.tags).fork().uint32(TAG.tag.key).string(key)
      if (value !== undefined) writer.uint32(TAG.tag.value).string(value)
      writer.ldelim()
    }
    writer.ldelim()
  }

  private added({ data, partitionKey, explicitHashKey, tags = [] }: AggregatedInput): number {
    let tables = 0
    let record = 1 + varintBytes(this.partitionKeys.indexOf(partitionKey)) + delimited(data.length)
    if (!this.partitionKeys.has(partitionKey)) tables += delimited(Buffer.byteLength(partitionKey))
    if (explicitHashKey !== undefined) {
      record += 1 + varintBytes(this.explicitHashKeys.indexOf(explicitHashKey))
      if (!this.explicitHashKeys.has(explicitHashKey)) tables += delimited(explicitHashKey.length)
    }
    for (const { key, value } of tags) {
      const valueBytes = value === undefined ? 0 : delimited(Buffer.byteLength(value))
      record += delimited(delimited(Buffer.byteLength(key)) + valueBytes)
    }
    return tables + delimited(record)
  }
}

/** Of a field with its tag, its length and so many bytes. */
function delimited(bytes: number): number {
  return 1 + varintBytes(bytes) + bytes
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
}
