import { hash } from 'node:crypto'
import protobuf from 'protobufjs/minimal.js'
import { DIGEST_BYTES, MAGIC, TAG } from './aggregate-format.js'
import { type HashRange, hashKeyOf, isInRange, parseHashKey } from './hash-key.js'

/** One of the records inside an aggregated one. */
export interface UserRecord {
  /** A view of the aggregated record's bytes. */
  readonly data: Uint8Array
  readonly partitionKey: string
  readonly explicitHashKey?: string
  /** Its place among all user records of the aggregate, from 0; those that were dropped have theirs too. */
  readonly subSequence: number
}

interface Message {
  readonly partitionKeys: string[]
  readonly explicitHashKeys: string[]
  readonly records: Indexed[]
}

interface Indexed {
  partitionKey: number
  explicitHashKey: number
  data: Uint8Array | undefined
}

/**
 * The user records of an aggregated record; undefined if it is a plain one: no magic number, a wrong checksum or a message that does not
 * parse, as KCL does. With a hash range (the shard's), user records that hash outside it are left out: their producer sees that they
 * landed in a shard that is not theirs, after a split, and sends them again. Any thread; load this module lazily, it brings a protobuf
 * library.
 */
export function deaggregate(data: Uint8Array, range?: HashRange): UserRecord[] | undefined {
  const message = parse(data)
  if (message === undefined) return undefined
  const { partitionKeys, explicitHashKeys, records } = message
  const belongs = range === undefined ? undefined : memberOf(range, partitionKeys, explicitHashKeys)
  const users: UserRecord[] = []
  for (let i = 0; i < records.length; i++) {
    const { partitionKey: keyIndex, explicitHashKey: hashIndex, data: bytes } = records[i]!
    const partitionKey = partitionKeys[keyIndex]
    // Nothing of what the bytes hold may be lost: a record that makes no sense is for whoever reads the bytes.
    if (partitionKey === undefined || bytes === undefined) return undefined
    const explicitHashKey = explicitHashKeys[hashIndex]
    if (belongs?.(keyIndex, hashIndex) === false) continue
    users.push({
      data: bytes,
      partitionKey,
      ...(explicitHashKey === undefined ? {} : { explicitHashKey }),
      subSequence: i,
    })
  }
  return users
}

/** Does a record with these keys belong to the range? Hashes each key of the tables once. */
function memberOf(
  range: HashRange,
  partitionKeys: readonly string[],
  explicitHashKeys: readonly string[],
): (keyIndex: number, hashIndex: number) => boolean {
  const byPartitionKey: boolean[] = []
  return (keyIndex, hashIndex) => {
    const explicit = explicitHashKeys[hashIndex]
    const explicitKey = explicit === undefined ? undefined : parseHashKey(explicit)
    if (explicitKey !== undefined) return isInRange(explicitKey, range)
    return (byPartitionKey[keyIndex] ??= isInRange(hashKeyOf(partitionKeys[keyIndex]!), range))
  }
}

function parse(data: Uint8Array): Message | undefined {
  if (data.length <= MAGIC.length + DIGEST_BYTES) return undefined
  for (let i = 0; i < MAGIC.length; i++) if (data[i] !== MAGIC[i]) return undefined
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length)
  const message = bytes.subarray(MAGIC.length, -DIGEST_BYTES)
  if (!hash('md5', message, 'buffer').equals(bytes.subarray(-DIGEST_BYTES))) return undefined
  try {
    return readMessage(protobuf.Reader.create(message))
  } catch {
    // The library's errors only: nothing else is called.
    return undefined
  }
}

function readMessage(reader: protobuf.Reader): Message {
  const message: Message = { partitionKeys: [], explicitHashKeys: [], records: [] }
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === TAG.partitionKeyTable) message.partitionKeys.push(reader.string())
    else if (tag === TAG.explicitHashKeyTable) message.explicitHashKeys.push(reader.string())
    else if (tag === TAG.records) message.records.push(readRecord(reader, reader.uint32()))
    else reader.skipType(tag & 7)
  }
  return message
}

function readRecord(reader: protobuf.Reader, length: number): Indexed {
  const end = reader.pos + length
  if (end > reader.len) throw new RangeError('a record goes beyond its message')
  const record: Indexed = { partitionKey: -1, explicitHashKey: -1, data: undefined }
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === TAG.record.partitionKeyIndex) record.partitionKey = reader.uint32()
    else if (tag === TAG.record.explicitHashKeyIndex) record.explicitHashKey = reader.uint32()
    else if (tag === TAG.record.data) record.data = reader.bytes()
    else reader.skipType(tag & 7)
  }
  if (reader.pos !== end) throw new RangeError('a field goes beyond its record')
  return record
}
