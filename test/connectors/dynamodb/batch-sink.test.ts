import { describe, expect, it } from 'vitest'
import { dynamoDbBatchSink } from '../../../operators/connectors/dynamodb/index.js'
import { type ScriptedAnswer, ScriptedAws, type ScriptedCall } from '../batching/scripted-aws.js'
import { openSink } from '../batching/open-sink.js'

type Item = Readonly<Record<string, { readonly N?: string; readonly S?: string }>>
const TABLE = {
  Table: {
    TableStatus: 'ACTIVE',
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'N' }],
  },
}

/** Takes all but what `leave` names of the first request. */
function service(leave: (items: readonly Item[]) => readonly Item[]): { aws: ScriptedAws; written: string[][] } {
  const written: string[][] = []
  const answer = ({ operation, body }: ScriptedCall): ScriptedAnswer => {
    if (operation === 'DescribeTable') return TABLE
    const requests = (body as { RequestItems: { t: readonly { PutRequest: { Item: Item } }[] } }).RequestItems.t
    const items = requests.map(({ PutRequest }) => PutRequest.Item)
    written.push(items.map(({ id }) => id!.N!))
    const left = written.length === 1 ? leave(items) : []
    return { UnprocessedItems: left.length === 0 ? {} : { t: left.map((Item) => ({ PutRequest: { Item } })) } }
  }
  return { aws: new ScriptedAws(answer), written }
}

describe('dynamoDbBatchSink', () => {
  const write = async (ids: readonly (number | bigint)[], aws: ScriptedAws): Promise<void> => {
    const sink = dynamoDbBatchSink<{ id: number | bigint }>({ table: 't', aws: aws.options, random: () => 0.01 })
    const { writer, flush } = await openSink(sink)
    for (const id of ids) writer.write({ id }, 0)
    await flush()
  }

  it('sends what a request leaves over again, alone', async () => {
    const { aws, written } = service((items) => items.slice(1, 2))
    await write([1, 2, 3], aws)
    expect(written).toEqual([['1', '2', '3'], ['2']])
  })

  it('sends all again where what is left over has its key in other words', async () => {
    const { aws, written } = service(([, one]) => [{ ...one, id: { N: '1000000000000000000000' } }])
    await write([1, 1e15 + 0.5, 3], aws)
    expect(written.map((ids) => ids.length)).toEqual([3, 3])
  })
})
