import { hash } from 'node:crypto'
import { Refusal } from '../batching/batching-options.js'
import { isWellFormed, payloadEncoder } from '../batching/payload.js'
import { parseHashKey } from './aggregation/hash-key.js'
import type { KinesisSinkOptions } from './sink-options.js'

const MOST_KEY_CHARACTERS = 256

/** A record for PutRecords. */
export interface KinesisEntry {
  readonly data: Uint8Array
  readonly partitionKey: string
  /** Decimal digits. */
  readonly explicitHashKey?: string
}

/** Bytes that count against the service's limits: the data and the partition key. */
export function entryBytes({ data, partitionKey }: KinesisEntry): number {
  return data.length + Buffer.byteLength(partitionKey)
}

/** Makes records of values; refuses those whose keys the service would refuse. */
export function entryEncoder<T>(
  options: KinesisSinkOptions<T>,
  job: { readonly jobId: string; readonly uid: string },
): (value: T, timestamp: number) => KinesisEntry | Refusal {
  const encode = payloadEncoder(options, job)
  const { partitionKey, explicitHashKey } = options
  return (value, timestamp) => {
    const payload = encode(value, timestamp)
    if (payload instanceof Refusal) return payload
    const data = typeof payload === 'string' ? Buffer.from(payload) : payload
    const key = typeof partitionKey === 'function' ? partitionKey(value, timestamp) : (partitionKey ?? hashOf(data))
    const fault = partitionKeyFault(key)
    if (fault !== undefined) return new Refusal(fault)
    const given = explicitHashKey?.(value, timestamp)
    if (given === undefined) return { data, partitionKey: key }
    const digits = String(given)
    if (parseHashKey(digits) !== undefined) return { data, partitionKey: key, explicitHashKey: digits }
    return new Refusal(`the explicit hash key ${JSON.stringify(digits)} is not a number below 2^128`)
  }
}

/** What is wrong with a partition key; undefined if nothing is. */
export function partitionKeyFault(key: unknown): string | undefined {
  if (typeof key !== 'string') return `the partition key is no string but of type ${typeof key}`
  if (key === '') return 'the partition key is empty'
  if (key.length > MOST_KEY_CHARACTERS) {
    return `the partition key has ${key.length} characters, over the limit of ${MOST_KEY_CHARACTERS}`
  }
  return isWellFormed(key) ? undefined : 'the partition key has a lone surrogate and cannot be written in UTF-8'
}

function hashOf(data: Uint8Array): string {
  return hash('md5', data, 'hex')
}
