/**
 * Invariant: of one key never is more than one claim under way, in the order they came, so no transaction has a key twice; a claim is
 * decided once, whatever splits and retries it takes.
 *
 *   claim --> lane of its key --> [ gathered ] --> transaction --> claimed | duplicate | refused
 *                                                     '--cancelled--> the rest again, those in conflict alone
 */
import { setMaxListeners } from 'node:events'
import { backoffMs } from '../../../runtime/aws/backoff.js'
import { awsFailure } from '../../../runtime/aws/aws-errors.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import { steadyTime, type Clock } from '../../../runtime/contract/time.js'
import type { OutageWatch } from '../batching/outage-watch.js'
import type { Claim, ClaimPlace } from './claim.js'
import { readFailure, type ClaimVerdict } from './claim-errors.js'
import { claimTransaction, MAX_TRANSACTION_BYTES } from './claim-transaction.js'
import { EXPIRES_AT, OWNER } from './dedup-options.js'
import type { DynamoTable } from './dynamo-table.js'

/** What a claim comes to. */
export type Decision = Extract<ClaimVerdict, { kind: 'claimed' | 'duplicate' | 'refused' }>

/** What claims are made with. */
export interface ClaimsOptions {
  readonly table: DynamoTable
  readonly partitionKey: string
  readonly place: ClaimPlace
  readonly claimsPerTransaction: number
  readonly clock: Clock
  readonly outage: OutageWatch
  readonly random: () => number
}

interface Open {
  readonly claim: Claim
  readonly sinceMs: number
  readonly decide: (decision: Decision) => void
  readonly fail: (error: unknown) => void
}

const BACKOFF = { baseMs: 50, maxMs: 5_000 }
const PERMISSION = 'dynamodb:PutItem'

/** The claims of one operator subtask. Slot thread. */
export class Claims {
  private readonly options: ClaimsOptions
  private readonly lanes = new Map<string, Promise<unknown>>()
  private gathered: Open[] = []
  private readonly closing = new AbortController()

  constructor(options: ClaimsOptions) {
    this.options = options
    // One for each request under way.
    setMaxListeners(0, this.closing.signal)
  }

  /** Rejects when the claim could not be decided for too long, or the table refuses all. */
  claim(claim: Claim): Promise<Decision> {
    const before = this.lanes.get(claim.key)
    const decided = before === undefined ? this.gather(claim) : before.then(() => this.gather(claim))
    const lane = decided.then(
      () => undefined,
      () => undefined,
    )
    this.lanes.set(claim.key, lane)
    void lane.then(() => this.lanes.get(claim.key) === lane && this.lanes.delete(claim.key))
    return decided
  }

  /** Gives up what is under way. */
  close(): void {
    this.closing.abort(new Error('the attempt of the job has ended'))
  }

  private gather(claim: Claim): Promise<Decision> {
    return new Promise((decide, fail) => {
      const open: Open = { claim, sinceMs: steadyTime(this.options.clock), decide, fail }
      // Those that come in one turn of the slot go together.
      if (this.gathered.push(open) === 1) queueMicrotask(() => this.sendGathered())
    })
  }

  private sendGathered(): void {
    const gathered = this.gathered
    this.gathered = []
    let from = 0
    let bytes = 0
    gathered.forEach(({ claim }, at) => {
      if (at - from === this.options.claimsPerTransaction || bytes + claim.bytes > MAX_TRANSACTION_BYTES) {
        if (at > from) void this.settle(gathered.slice(from, at))
        from = at
        bytes = 0
      }
      bytes += claim.bytes
    })
    void this.settle(gathered.slice(from))
  }

  /** Until all of them are decided. `failures` so far: the wait comes first. */
  private async settle(group: readonly Open[], failures = 0, reason = ''): Promise<void> {
    try {
      for (;;) {
        if (failures > 0) await this.pause(group, failures, reason)
        const again = await this.ask(group)
        if (again === undefined) return
        failures++
        reason = again
      }
    } catch (error) {
      for (const { fail } of group) fail(error)
    }
  }

  /** One request; a reason if the same one is to be made again. */
  private async ask(group: readonly Open[]): Promise<string | undefined> {
    const { table, partitionKey, place } = this.options
    const claims = group.map(({ claim }) => claim)
    const { sdk, client } = await table.access()
    try {
      const request = new sdk.TransactWriteItemsCommand(claimTransaction(table.name, partitionKey, place, claims))
      await client.send(request, { abortSignal: this.closing.signal })
    } catch (error) {
      this.closing.signal.throwIfAborted()
      return this.failed(error, group)
    }
    for (const { decide } of group) decide({ kind: 'claimed' })
    return undefined
  }

  private failed(error: unknown, group: readonly Open[]): string | Promise<undefined> | undefined {
    const failure = readFailure(error, group.length)
    switch (failure.kind) {
      case 'again':
        return failure.reason
      case 'verdicts':
        return this.split(group, failure.verdicts)
      case 'failed':
        throw awsFailure(error, this.options.table.about(PERMISSION))
      case 'invalid':
        return this.alone(group, () => ({ kind: 'refused', reason: failure.reason }))
      case 'mismatch':
        return this.alone(group, (claim) => this.standingClaim(claim))
    }
  }

  /** What is wrong with a request is told for each claim by itself. */
  private async alone(
    group: readonly Open[],
    decisionOf: (claim: Claim) => Decision | Promise<Decision>,
  ): Promise<undefined> {
    const [first] = group as readonly [Open]
    if (group.length === 1) first.decide(await decisionOf(first.claim))
    else for (const open of group) void this.settle([open])
    return undefined
  }

  /** After a cancelled transaction, of which nothing was written. */
  private split(group: readonly Open[], verdicts: readonly ClaimVerdict[]): string | undefined {
    const [first] = verdicts
    if (group.length === 1 && first?.kind === 'conflict') return first.reason
    const rest: Open[] = []
    verdicts.forEach((verdict, i) => {
      const open = group[i]!
      if (verdict.kind === 'cancelled') rest.push(open)
      else if (verdict.kind === 'conflict') void this.settle([open], 1, verdict.reason)
      else open.decide(verdict)
    })
    if (rest.length > 0) void this.settle(rest)
    return undefined
  }

  /**
   * The token was used for another request within the last ten minutes. If there is a claim, it decides: this record's own stands, for
   * its request only looked different (another `ttl` since the job was started again). Else another record has the same position.
   */
  private async standingClaim({ key, owner, position, timeS }: Claim): Promise<Decision> {
    const { table, partitionKey } = this.options
    const item = await table.ask('dynamodb:GetItem', async ({ sdk, client }) => {
      const request = { TableName: table.name, Key: { [partitionKey]: { S: key } }, ConsistentRead: true }
      return (await client.send(new sdk.GetItemCommand(request), { abortSignal: this.closing.signal })).Item
    })
    if (item?.[OWNER]?.S === owner) return { kind: 'claimed' }
    if (item !== undefined && Number(item[EXPIRES_AT]?.N) >= timeS) return { kind: 'duplicate' }
    throw new MillraceError(
      'MILLRACE_USER',
      `${table.resource}: another record than the one at ${position} was claimed with that position in the last ten minutes`,
      {
        hint: '`position` must be different for each record, also of those that one raw record was decoded to; after a change of `salt` or `id` wait ten minutes, or give the operator another uid',
      },
    )
  }

  private async pause(group: readonly Open[], failures: number, reason: string): Promise<void> {
    const { clock, outage, random } = this.options
    outage.failed(Math.min(...group.map(({ sinceMs }) => sinceMs)), reason)
    const { signal } = this.closing
    await new Promise<void>((resolve, reject) => {
      const cancel = clock.setTimeout(
        () => {
          signal.removeEventListener('abort', abort)
          resolve()
        },
        backoffMs(failures, { ...BACKOFF, random }),
      )
      const abort = (): void => {
        cancel()
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
    })
  }
}
