import { record, type ProcessFunction } from 'millrace'
import { dynamoDbTable, withReference, type PlainItem } from 'millrace/connectors/dynamodb'
import { isBot } from './bot.js'
import { keepImpressions, type Impression, type Visit } from './impression.js'

/**
 * Tells people from bots: by the words in their user agents, and by a table (attribute `userAgent`) of those that behaved like bots, if
 * one is named. It is read before the first record and again every five minutes.
 */
export function peopleOnly(options: {
  readonly keepLate: boolean
  readonly botTable: string | undefined
}): ProcessFunction<Visit, Impression> {
  const { botTable } = options
  const keep = keepImpressions(options)
  if (botTable === undefined) {
    return {
      emits: record<Impression>(),
      onElement: (visit, ctx) => keep(visit, isBot(visit.userAgent), ctx),
    }
  }
  const agents = dynamoDbTable({ table: botTable, key: agentOf, value: () => true })
  return withReference(agents, (visit: Visit, known, ctx) =>
    keep(visit, isBot(visit.userAgent) || known.has(visit.userAgent), ctx),
  )
}

function agentOf({ userAgent }: PlainItem): string | undefined {
  return typeof userAgent === 'string' ? userAgent : undefined
}
