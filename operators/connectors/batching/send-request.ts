import { awsErrorFacts, isTransient } from '../../../runtime/aws/aws-errors.js'
import { type BatchingOptions, DELIVERED, type SendOutcome } from './batching-options.js'

/** What {@link sendRequest} needs of the options. */
export type RequestOptions<Entry> = Pick<BatchingOptions<never, Entry>, 'send' | 'isTransient' | 'refusalOf'>

/** What a request came to. */
export interface RequestResult<Entry> {
  /** One for each entry, in their order; undefined if all are delivered. */
  readonly outcomes: readonly SendOutcome<Entry>[] | undefined
  /** The request failed as a whole: nobody looked at its entries. */
  readonly failed: boolean
}

/**
 * Sends one request and says what became of each entry. A failure of the whole request that may pass is a
 * retry for all; one for the sake of a single entry is looked for by halves. Rejects with what is neither.
 */
export async function sendRequest<Entry>(
  options: RequestOptions<Entry>,
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<RequestResult<Entry>> {
  try {
    signal.throwIfAborted()
    const outcomes = await options.send(entries, signal)
    if (outcomes === undefined || outcomes.length === entries.length) return { outcomes, failed: false }
    throw new Error(`the service answered for ${outcomes.length} of ${entries.length} records`)
  } catch (error) {
    const refusal = options.refusalOf?.(error)
    if (refusal !== undefined) return { outcomes: await sendHalves(options, entries, signal, refusal), failed: false }
    if (!(options.isTransient ?? isTransient)(error)) throw error
    const { name, systemCode } = awsErrorFacts(error)
    const reason = systemCode ?? name
    return { outcomes: entries.map(() => ({ kind: 'retry', reason })), failed: true }
  }
}

async function sendHalves<Entry>(
  options: RequestOptions<Entry>,
  entries: readonly Entry[],
  signal: AbortSignal,
  reason: string,
): Promise<readonly SendOutcome<Entry>[]> {
  if (entries.length === 1) return [{ kind: 'refused', reason }]
  const middle = entries.length >> 1
  const outcomes: SendOutcome<Entry>[] = []
  for (const half of [entries.slice(0, middle), entries.slice(middle)]) {
    const result = await sendRequest(options, half, signal)
    outcomes.push(...(result.outcomes ?? half.map(() => DELIVERED)))
  }
  return outcomes
}
