import type { AttributeValue } from '@aws-sdk/client-dynamodb'

/** Names with their values: an item, a map or a key. */
export type AttributeMap = Readonly<Record<string, AttributeValue>>

/** DynamoDB's limit of an item, names included: 400 KiB. */
export const MAX_ITEM_BYTES: number = 400 * 1024

/** Lists and maps, whatever is in them; and each of their elements. */
const CONTAINER_BYTES = 3
const ELEMENT_BYTES = 1

/**
 * Bytes of an item by the rules of DynamoDB's documentation ("item sizes and formats"). Those of numbers are only given roughly there:
 * this is at most what it comes to, a byte or two a number more than the service may count.
 */
export function itemBytes(item: AttributeMap): number {
  let bytes = 0
  for (const [name, value] of Object.entries(item)) bytes += Buffer.byteLength(name) + valueBytes(value)
  return bytes
}

function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S)
  if (value.N !== undefined) return numberBytes(value.N)
  if (value.B !== undefined) return value.B.byteLength
  if (value.SS !== undefined) return sum(value.SS, (text) => Buffer.byteLength(text))
  if (value.NS !== undefined) return sum(value.NS, numberBytes)
  if (value.BS !== undefined) return sum(value.BS, (bytes) => bytes.byteLength)
  if (value.L !== undefined) return CONTAINER_BYTES + sum(value.L, (one) => ELEMENT_BYTES + valueBytes(one))
  if (value.M !== undefined) return CONTAINER_BYTES + itemBytes(value.M) + ELEMENT_BYTES * Object.keys(value.M).length
  return 1
}

/** A byte for each two significant digits, one more, and one for a sign. */
function numberBytes(number: string): number {
  const digits = number.replace(/[eE].*$/, '').replace(/^[-+]?0*|[^\d]/g, '')
  return Math.min(21, Math.ceil(digits.length / 2) + (number.startsWith('-') ? 2 : 1))
}

function sum<T>(values: readonly T[], bytesOf: (value: T) => number): number {
  return values.reduce((total, value) => total + bytesOf(value), 0)
}
