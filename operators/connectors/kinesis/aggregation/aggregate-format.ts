// An aggregated record, as the Kinesis Producer Library writes it and every AWS consumer library reads it (aggregation-format.md of
// awslabs/amazon-kinesis-producer):
//
//     F3 89 9A C2 | AggregatedRecord, protobuf | MD5 of the protobuf bytes
//
//     AggregatedRecord: 1 repeated string partition_key_table, 2 repeated string explicit_hash_key_table, 3 repeated Record records
//     Record:           1 uint64 partition_key_index, 2 optional uint64 explicit_hash_key_index, 3 bytes data, 4 repeated Tag tags
//     Tag:              1 string key, 2 optional string value

/** What every aggregated record begins with. */
export const MAGIC: Buffer = Buffer.from([0xf3, 0x89, 0x9a, 0xc2])

/** Bytes of the MD5 behind the message. */
export const DIGEST_BYTES = 16

/** The fields' tags on the wire: the field's number times 8, and its wire type (0 varint, 2 with a length). */
export const TAG = {
  partitionKeyTable: 0x0a,
  explicitHashKeyTable: 0x12,
  records: 0x1a,
  record: { partitionKeyIndex: 0x08, explicitHashKeyIndex: 0x10, data: 0x1a, tags: 0x22 },
  tag: { key: 0x0a, value: 0x12 },
} as const
