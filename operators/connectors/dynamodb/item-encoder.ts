import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { Refusal } from '../batching/batching-options.js'
import type { DynamoSdk } from './dynamo-table.js'
import { itemBytes } from './item-size.js'
import type { DynamoDbSinkOptions } from './sink-options.js'
import type { TableKey } from './table-keys.js'

/** What a sink sends of a record. */
export interface ItemEntry {
  /** Only its key counts where it is deleted. */
  readonly item: Record<string, AttributeValue>
  readonly key: Record<string, AttributeValue>
  /** The key as text: equal keys, equal texts. */
  readonly keyText: string
  readonly deletes: boolean
  readonly bytes: number
}

const MAX_KEY_BYTES = { HASH: 2_048, RANGE: 1_024 } as const
const MAX_SHOWN_FIELDS = 8
const KINDS = { HASH: 'partition', RANGE: 'sort' } as const

/** Makes items of records; what cannot be one is refused. */
export function itemEncoder<T>(
  options: Pick<DynamoDbSinkOptions<T>, 'item' | 'deletes'>,
  keys: readonly TableKey[],
  { marshall }: Pick<DynamoSdk, 'marshall'>,
): (value: T, timestamp: number) => ItemEntry | Refusal {
  const { item: itemOf = plainItem, deletes = () => false } = options
  return (value, timestamp) => {
    const plain: unknown = itemOf(value, timestamp)
    if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) return new Refusal('is no object')
    let item: Record<string, AttributeValue>
    try {
      item = marshall(plain as Record<string, unknown>, { removeUndefinedValues: true })
    } catch (error) {
      return new Refusal(`cannot be an item: ${error instanceof Error ? error.message : String(error)}`)
    }
    const key = keyOf(item, keys)
    if (key instanceof Refusal) return key
    const deleted = deletes(value)
    return { item, key, keyText: keyText(key), deletes: deleted, bytes: itemBytes(deleted ? key : item) }
  }
}

/** The text of a key's attributes, in the order of their names. */
export function keyText(key: Readonly<Record<string, AttributeValue>>): string {
  const parts = Object.keys(key)
    .sort()
    .map((name) => {
      const { S, N, B } = key[name]!
      return B === undefined ? [name, S, N] : [name, Buffer.from(B).toString('base64')]
    })
  return JSON.stringify(parts)
}

function keyOf(
  item: Readonly<Record<string, AttributeValue>>,
  keys: readonly TableKey[],
): Record<string, AttributeValue> | Refusal {
  const key: Record<string, AttributeValue> = {}
  for (const { name, kind, type } of keys) {
    const value = Object.hasOwn(item, name) ? item[name] : undefined
    const what = `the ${KINDS[kind]} key ${name}`
    if (value === undefined) return new Refusal(`${what} is missing${fieldsOf(item)}`)
    const given = value[type]
    if (given === undefined) return new Refusal(`${what} is not of type ${type}`)
    const bytes = type === 'N' ? 1 : type === 'S' ? Buffer.byteLength(given) : given.length
    if (bytes === 0) return new Refusal(`${what} is empty`)
    if (bytes > MAX_KEY_BYTES[kind])
      return new Refusal(`${what} has ${bytes} bytes, over the limit of ${MAX_KEY_BYTES[kind]}`)
    key[name] = value
  }
  return key
}

/** What a record has instead: its names, not its values. */
function fieldsOf(item: Readonly<Record<string, AttributeValue>>): string {
  const names = Object.keys(item)
  const shown = names.slice(0, MAX_SHOWN_FIELDS).join(', ')
  return names.length === 0 ? '' : `; it has ${shown}${names.length > MAX_SHOWN_FIELDS ? ', ...' : ''}`
}

/** The record, if it is an object or the JSON text of one. */
function plainItem(value: unknown): Record<string, unknown> {
  if (typeof value !== 'string') return value as Record<string, unknown>
  try {
    return JSON.parse(value) as Record<string, unknown>
  } catch {
    return undefined as unknown as Record<string, unknown>
  }
}
