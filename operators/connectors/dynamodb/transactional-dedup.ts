import { MillraceError } from '../../../runtime/contract/errors.js'
import type { RejectedRecord } from '../../../runtime/contract/sink.js'
import { durationMs, positiveDurationMs } from '../../api/duration.js'
import type { OperatorStream, Stream } from '../../api/streams.js'
import type { AsyncContext, AsyncFunction, AsyncOpenContext } from '../../async/async-function.js'
import { OutageWatch } from '../batching/outage-watch.js'
import { claimMaker, type Claim, type Unclaimable } from './claim.js'
import { Claims } from './claims.js'
import { MAX_CLAIMS } from './claim-transaction.js'
import { checkClaimsTable } from './claims-table.js'
import {
  duplicatesTag,
  REJECTED,
  rejectedTag,
  type ClaimOptions,
  type TransactionalDedupOptions,
} from './dedup-options.js'
import { DynamoTable } from './dynamo-table.js'

/** What comes of a deduplicated stream. */
export interface Deduplicated<T> {
  /** The first record of each id. */
  readonly unique: OperatorStream<T>
  /** The others, as they came. Unread, they are dropped and counted (`numDuplicates`). */
  readonly duplicates: Stream<T>
  /** Records without an id, or whose claim the table cannot hold, with the reason. Unread, the first one fails the job. */
  readonly rejected: Stream<RejectedRecord<T>>
}

/** After `giveUp` the claim itself fails, with the service's reason. */
const TIMEOUT_AFTER_GIVE_UP_MS = 60_000

/**
 * Lets the first record of each business id through, across restarts and years, and across jobs of one `namespace`: an id is claimed in
 * a DynamoDB table with TransactWriteItems before its record goes on. A record that is read again after a failure finds its own claim and
 * goes on again, so state behind it stays exactly-once; a true duplicate goes to `duplicates`. Which of two records is first is decided by
 * their order in the subtask of their id; the stream is partitioned by it.
 *
 * Claims end `ttl` after their record's event time. Where event time moves on by more than `ttl` between two checkpoints, as it may in a
 * backfill, a second record of an id can take the ended claim over before the first is replayed, which then counts as the duplicate: give a
 * longer `ttl`. Every attribute depends on the record alone. Needs dynamodb:PutItem, GetItem,
 * DescribeTable and DescribeTimeToLive. Claims made for records of a run that is then given up (`--restore none`) are found again by the
 * same records of the next one: their positions are the same.
 */
export function deduplicateByTransaction<T>(stream: Stream<T>, options: TransactionalDedupOptions<T>): Deduplicated<T> {
  const { uid, name, capacity, ordered, id } = options
  const unique = stream
    .keyBy((record) => id(record) ?? '')
    .asyncProcess<T>(transactionalDedup(options), {
      uid,
      timeout: giveUpMs(options) + TIMEOUT_AFTER_GIVE_UP_MS,
      ...(name === undefined ? {} : { name }),
      ...(capacity === undefined ? {} : { capacity }),
      ...(ordered === undefined ? {} : { ordered }),
    })
  return {
    unique,
    duplicates: unique.sideOutput(duplicatesTag<T>()),
    rejected: unique.sideOutput(rejectedTag<T>()),
  }
}

/** The function of {@link deduplicateByTransaction}. MILLRACE_GRAPH for options that make no sense. */
function transactionalDedup<T>(options: ClaimOptions<T>): AsyncFunction<T, T> {
  requireOptions(options)
  const { partitionKey = 'pk' } = options
  const connect = (): DynamoTable => new DynamoTable(options.table, options.aws, 'MILLRACE_OUTPUT')
  // One function object serves all subtasks of a thread.
  let starting: Promise<Running<T>> | undefined
  let running: Running<T> | undefined
  let users = 0
  return {
    async check(ctx) {
      const table = connect()
      try {
        await checkClaimsTable(table, partitionKey, ctx)
      } finally {
        await table.close()
      }
    },
    async open(ctx) {
      users++
      starting ??= start(options, connect(), ctx)
      running = await starting
    },
    onElement: (record, ctx) => running!.record(record, ctx),
    async close() {
      if (--users > 0) return
      await running?.close()
      starting = running = undefined
    },
  }
}

interface Running<T> {
  record(record: T, ctx: AsyncContext<T>): Promise<void> | void
  close(): Promise<void>
}

async function start<T>(options: ClaimOptions<T>, table: DynamoTable, host: AsyncOpenContext): Promise<Running<T>> {
  const { partitionKey = 'pk', claimsPerTransaction = 1, random = Math.random } = options
  const { jobId, uid, clock } = host
  const { sdk } = await table.access()
  const claimOf = claimMaker(options, { jobId, uid }, sdk)
  const outage = new OutageWatch(host, table.about('dynamodb:PutItem'), giveUpMs(options))
  const claims = new Claims({ table, partitionKey, place: { jobId, uid }, claimsPerTransaction, clock, outage, random })
  const [duplicates, rejected] = [duplicatesTag<T>(), rejectedTag<T>()]
  const found = host.metrics.counter('numDuplicates')
  const reject = (record: T, reason: string, ctx: AsyncContext<T>): void => {
    if (!host.hasSideOutput(REJECTED)) throw unread(table, reason)
    ctx.output(rejected, { value: record, reason, sink: `dynamodb://${options.table}` })
  }
  const decide = async (record: T, claim: Claim, ctx: AsyncContext<T>): Promise<void> => {
    const decision = await claims.claim(claim)
    if (decision.kind === 'claimed') return ctx.emit(record)
    if (decision.kind === 'refused') return reject(record, decision.reason, ctx)
    found.inc()
    ctx.output(duplicates, record)
  }
  return {
    record(record, ctx) {
      const claim: Claim | Unclaimable = claimOf(record, ctx.timestamp)
      return 'reason' in claim ? reject(record, claim.reason, ctx) : decide(record, claim, ctx)
    },
    close: () => {
      claims.close()
      return table.close()
    },
  }
}

function giveUpMs({ giveUp = '5m' }: Pick<ClaimOptions<never>, 'giveUp'>): number {
  return positiveDurationMs(giveUp, '`giveUp` of deduplicateByTransaction()')
}

function requireOptions<T>(options: ClaimOptions<T>): void {
  const { salt, ttl, claimsPerTransaction = 1, id, position, table } = options as Partial<ClaimOptions<T>>
  durationMs(ttl!, '`ttl` of deduplicateByTransaction()')
  giveUpMs(options)
  if (typeof table !== 'string' || table === '') refuse('names no table')
  if (typeof salt !== 'string' || salt === '') refuse('has no salt', 'give a secret: p.string({ secret: true })')
  if (typeof id !== 'function' || typeof position !== 'function') refuse('needs the functions `id` and `position`')
  if (!Number.isSafeInteger(claimsPerTransaction) || claimsPerTransaction < 1 || claimsPerTransaction > MAX_CLAIMS) {
    refuse(`has claimsPerTransaction ${claimsPerTransaction}`, `a transaction has 1 to ${MAX_CLAIMS}`)
  }
}

function refuse(what: string, hint?: string): never {
  throw new MillraceError('MILLRACE_GRAPH', `deduplicateByTransaction() ${what}`, hint === undefined ? {} : { hint })
}

function unread(table: DynamoTable, reason: string): MillraceError {
  return new MillraceError('MILLRACE_OUTPUT', `${table.resource} cannot take the claim of a record: ${reason}`, {
    final: true,
    hint: 'say where such records go: const { unique, rejected } = deduplicateByTransaction(...), then rejected.sinkTo(...)',
  })
}
