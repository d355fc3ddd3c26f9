import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import { referenceData } from '../reference/reference-data.js'
import type { LoadedReference, ReferenceData, ReferenceKey, ReferenceOptions } from '../reference/reference.js'
import { attributeReader, type NumberForm, type PlainItem } from './attribute-reader.js'
import { DynamoTable } from './dynamo-table.js'
import { tableKeys } from './table-keys.js'

/** Which table, and what of it. */
export interface TableReferenceOptions<K extends ReferenceKey, V> extends ReferenceOptions {
  /** The table's name or ARN. */
  readonly table: string
  readonly aws?: AwsOptions
  /** What an item is looked up by; undefined leaves it out. Of two items with one key the later one in the scan counts. */
  readonly key: (item: PlainItem) => K | undefined
  /** What is kept of an item. Default: all of it. */
  readonly value?: (item: PlainItem) => V
  /** How numbers come. Default `exact`. */
  readonly numbers?: NumberForm
}

/**
 * A table, whole, as reference data: scanned before the first record and again every `refresh`, kept in memory once a thread, looked up
 * at once. For tables of some megabytes (bot user agents); see {@link dynamoDbLookup} for others. Eventually consistent. Needs
 * dynamodb:Scan and DescribeTable. How it is kept and used: {@link ReferenceData}.
 */
export function dynamoDbTable<K extends ReferenceKey, V = PlainItem>(
  options: TableReferenceOptions<K, V>,
): ReferenceData<K, V> {
  const { key, value = (item: PlainItem) => item as V, numbers = 'exact', refresh } = options
  let table: DynamoTable | undefined
  const connected = (): DynamoTable => (table ??= new DynamoTable(options.table, options.aws, 'MILLRACE_INPUT'))
  const read = attributeReader(numbers)
  const loader = {
    describe: `dynamodb://${options.table}`,
    async check() {
      await tableKeys(connected())
    },
    async load(): Promise<LoadedReference<K, V>> {
      const entries = new Map<K, V>()
      await connected().ask('dynamodb:Scan', async ({ sdk, client }) => {
        let from: Record<string, AttributeValue> | undefined
        do {
          const request = { TableName: options.table, ...(from === undefined ? {} : { ExclusiveStartKey: from }) }
          const { Items = [], LastEvaluatedKey } = await client.send(new sdk.ScanCommand(request))
          for (const item of Items) {
            const plain = read.item(item)
            const found = key(plain)
            if (found !== undefined) entries.set(found, value(plain))
          }
          from = LastEvaluatedKey
        } while (from !== undefined)
      })
      return { version: undefined, entries }
    },
    close() {
      void table?.close()
      table = undefined
    },
  }
  return referenceData(loader, refresh === undefined ? {} : { refresh })
}
