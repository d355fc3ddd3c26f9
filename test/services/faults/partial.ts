import type { RandomSource } from '../../oracles/random-source.js'
import type { Fault } from './faults.js'
import type { Answer, ProxiedRequest } from './wire.js'

/** Which entries of a batch fail. */
export type Choose = (index: number, random: RandomSource) => boolean

interface BatchShape {
  /** The batch's field in the request. */
  readonly entries: string
  /** Puts the answers of the accepted entries and the refusals of the others together, in the request's order. */
  merge(answer: Record<string, unknown>, failed: readonly boolean[], code: string): Record<string, unknown>
}

/**
 * Some entries of a batch fail and are not written; the others are. For PutRecords, PutRecordBatch, PutEvents, BatchWriteItem (whose failed
 * ones come back as UnprocessedItems) and SNS PublishBatch. The body changes on its way: only for services that do not check signatures.
 */
export function partialFailure(
  choose: Choose = (_, random) => random.chance(0.3),
  code = 'ProvisionedThroughputExceededException',
): Fault {
  return {
    name: 'partial failure',
    async apply({ request, random, forward }) {
      if (request.protocol === 'query') return partialPublish(request, (index) => choose(index, random), code, forward)
      const body = JSON.parse(request.body.toString()) as Record<string, unknown>
      if (request.operation === 'BatchWriteItem') {
        return partialWrite(body as unknown as BatchWrite, (index) => choose(index, random), request, forward)
      }
      const shape = SHAPES[request.operation]
      if (shape === undefined) throw new Error(`no partial failures for ${request.operation}`)
      const entries = body[shape.entries] as readonly unknown[]
      const failed = entries.map((_, index) => choose(index, random))
      if (!failed.includes(true)) return 'untouched'
      const accepted = entries.filter((_, index) => failed[index] === false)
      // A service refuses an empty batch.
      const answer =
        accepted.length === 0 ? empty(request) : await forward(json({ ...body, [shape.entries]: accepted }))
      if (answer.status !== 200) return answer
      const merged = shape.merge(JSON.parse(answer.body.toString()) as Record<string, unknown>, failed, code)
      return { ...answer, body: json(merged) }
    },
  }
}

const SHAPES: Readonly<Record<string, BatchShape>> = {
  PutRecords: listShape('Records', 'Records', 'FailedRecordCount'),
  PutRecordBatch: listShape('Records', 'RequestResponses', 'FailedPutCount'),
  PutEvents: listShape('Entries', 'Entries', 'FailedEntryCount'),
}

function listShape(entries: string, results: string, count: string): BatchShape {
  return {
    entries,
    merge(answer, failed, code) {
      const accepted = [...((answer[results] as unknown[] | undefined) ?? [])]
      const refusal = { ErrorCode: code, ErrorMessage: 'injected' }
      const failures = failed.filter(Boolean).length
      return {
        ...answer,
        [results]: failed.map((one) => (one ? refusal : accepted.shift())),
        [count]: ((answer[count] as number | undefined) ?? 0) + failures,
      }
    },
  }
}

interface BatchWrite {
  readonly RequestItems: Readonly<Record<string, readonly unknown[]>>
}

async function partialWrite(
  body: BatchWrite,
  choose: (index: number) => boolean,
  request: ProxiedRequest,
  forward: (body: Buffer) => Promise<Answer>,
): Promise<Answer | 'untouched'> {
  let index = 0
  const accepted: Record<string, unknown[]> = {}
  const failed: Record<string, unknown[]> = {}
  for (const [table, writes] of Object.entries(body.RequestItems)) {
    for (const write of writes) ((choose(index++) ? failed : accepted)[table] ??= []).push(write)
  }
  if (Object.keys(failed).length === 0) return 'untouched'
  const nothing = Object.keys(accepted).length === 0
  const answer = nothing ? empty(request) : await forward(json({ ...body, RequestItems: accepted }))
  if (answer.status !== 200) return answer
  const given = JSON.parse(answer.body.toString()) as { UnprocessedItems?: Record<string, unknown[]> }
  for (const [table, writes] of Object.entries(given.UnprocessedItems ?? {})) (failed[table] ??= []).push(...writes)
  return { ...answer, body: json({ ...given, UnprocessedItems: failed }) }
}

/** SNS PublishBatch, in the query protocol: `PublishBatchRequestEntries.member.1.Id=...`. */
async function partialPublish(
  request: ProxiedRequest,
  choose: (index: number) => boolean,
  code: string,
  forward: (body: Buffer) => Promise<Answer>,
): Promise<Answer | 'untouched'> {
  const form = new URLSearchParams(request.body.toString())
  const rest = new URLSearchParams()
  const failedIds: string[] = []
  const renumbered = new Map<number, number>()
  for (const [name, value] of form) {
    const member = /^PublishBatchRequestEntries\.member\.(\d+)\.(.*)$/.exec(name)
    if (member === null) {
      rest.append(name, value)
      continue
    }
    const number = Number(member[1])
    if (!renumbered.has(number)) {
      const fails = choose(number - 1)
      if (fails) failedIds.push(form.get(`PublishBatchRequestEntries.member.${number}.Id`) ?? '')
      renumbered.set(number, fails ? 0 : Math.max(0, ...renumbered.values()) + 1)
    }
    const place = renumbered.get(number) as number
    if (place > 0) rest.append(`PublishBatchRequestEntries.member.${place}.${member[2]}`, value)
  }
  if (renumbered.size === 0) throw new Error(`no partial failures for ${request.operation}`)
  if (failedIds.length === 0) return 'untouched'
  const members = failedIds
    .map(
      (id) =>
        `<member><Id>${id}</Id><Code>${code}</Code><Message>injected</Message><SenderFault>false</SenderFault></member>`,
    )
    .join('')
  if (failedIds.length === renumbered.size) {
    const result = `<PublishBatchResult><Successful/><Failed>${members}</Failed></PublishBatchResult>`
    const metadata = '<ResponseMetadata><RequestId>fault</RequestId></ResponseMetadata>'
    const body = `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">${result}${metadata}</PublishBatchResponse>`
    return { status: 200, headers: { 'content-type': 'text/xml' }, body: Buffer.from(body) }
  }
  const answer = await forward(Buffer.from(rest.toString()))
  if (answer.status !== 200) return answer
  const text = answer.body.toString().replace(/<Failed\s*\/>|<Failed>\s*<\/Failed>/, '')
  return {
    ...answer,
    body: Buffer.from(text.replace('</PublishBatchResult>', `<Failed>${members}</Failed></PublishBatchResult>`)),
  }
}

function empty({ headers }: ProxiedRequest): Answer {
  return { status: 200, headers: { 'content-type': String(headers['content-type']) }, body: json({}) }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
