import { marshall } from '@aws-sdk/util-dynamodb'
import { describe, expect, it } from 'vitest'
import { claimMaker, type Claim } from '../../../operators/connectors/dynamodb/claim.js'
import { readFailure } from '../../../operators/connectors/dynamodb/claim-errors.js'
import { claimTransaction } from '../../../operators/connectors/dynamodb/claim-transaction.js'
import type { ClaimOptions } from '../../../operators/connectors/dynamodb/dedup-options.js'

interface Order {
  readonly id: string | number | bigint | undefined
  readonly at: string
  readonly note?: string
}

const PLACE = { jobId: 'shop', uid: 'orders-once' }

function claimOf(order: Partial<Order>, options: Partial<ClaimOptions<Order>> = {}, time = 1_000_000): Claim {
  const make = claimMaker<Order>(
    { table: 'claims', id: (o) => o.id, position: (o) => o.at, salt: 'a secret', ttl: '1h', ...options },
    PLACE,
    { marshall },
  )
  const claim = make({ id: 'order-1', at: 'shard-0:1', ...order }, time)
  if ('reason' in claim) throw new Error(claim.reason)
  return claim
}

describe('a claim', () => {
  it('depends on nothing but its record, job and uid', () => {
    expect(claimOf({})).toEqual(claimOf({}))
    expect(claimTransaction('claims', 'pk', PLACE, [claimOf({})])).toEqual(
      claimTransaction('claims', 'pk', PLACE, [claimOf({})]),
    )
  })

  it('says neither the id nor the salt', () => {
    const claim = claimOf({ id: 'order-1' })
    expect(JSON.stringify(claim)).not.toMatch(/order-1|secret/)
    expect(claim.key).toMatch(/^[\w-]{43}$/)
  })

  it('has another key for another id, salt, namespace and kind of id', () => {
    const keys = [
      claimOf({}),
      claimOf({ id: 'order-2' }),
      claimOf({ id: 7 }),
      claimOf({ id: '7' }),
      claimOf({}, { salt: 'another' }),
      claimOf({}, { namespace: 'shop' }),
      claimOf({}, { namespace: 'sho' }),
    ].map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
    expect(claimOf({ id: 7n }).key).toBe(claimOf({ id: 7 }).key)
  })

  it('belongs to the position, not to the id', () => {
    expect(claimOf({ id: 'order-2' }).owner).toBe(claimOf({}).owner)
    expect(claimOf({ at: 'shard-0:2' }).owner).not.toBe(claimOf({}).owner)
  })

  it('ends its time to live after the record, in whole seconds, rounded up', () => {
    expect(claimOf({}, { ttl: '10s' }, 1_000_500).item).toMatchObject({ expiresAt: { N: '1011' } })
    expect(claimOf({}, { ttl: '10s', time: () => 2_000_000 }).item).toMatchObject({ expiresAt: { N: '2010' } })
    expect(claimOf({}, {}, 1_999).timeS).toBe(1)
  })

  it('is asked for with a token of at most 36 characters: 128 bits', () => {
    const { ClientRequestToken } = claimTransaction('claims', 'pk', PLACE, [claimOf({})])
    expect(ClientRequestToken).toMatch(/^[0-9a-f]{32}$/)
    expect(claimTransaction('claims', 'pk', PLACE, [claimOf({}), claimOf({ at: '2' })]).ClientRequestToken).not.toBe(
      ClientRequestToken,
    )
  })

  it('of a record without a time or position is an error of the job', () => {
    expect(() => claimOf({}, {}, -Infinity)).toThrow(/shard-0:1 has no event time/)
    expect(() => claimOf({ at: '' })).toThrow(/`position`.*gave no text/)
  })

  it.each([undefined, ''])('of a record with the id %j is none', (id) => {
    expect(() => claimOf({ id })).toThrow('has no id')
  })

  it('is none where its item is over the limit or cannot be stored', () => {
    const attributes = (order: Order): Record<string, unknown> => ({ note: order.note })
    expect(claimOf({ note: 'x'.repeat(409_000) }, { attributes }).bytes).toBeLessThanOrEqual(409_600)
    expect(() => claimOf({ note: 'x'.repeat(409_600) }, { attributes })).toThrow(/over the limit of 409600/)
    expect(() => claimOf({}, { attributes: () => ({ huge: 2 ** 60 }) })).toThrow(/cannot be stored/)
  })

  it('keeps its own attributes, whatever others it is given', () => {
    const { item, owner, key } = claimOf({}, { attributes: () => ({ owner: 'me', pk: 'mine', city: 'Turin' }) })
    expect(item).toMatchObject({ owner: { S: owner }, pk: { S: key }, city: { S: 'Turin' } })
  })
})

describe('a refused transaction', () => {
  const cancelled = (...codes: string[]): unknown => ({
    name: 'TransactionCanceledException',
    CancellationReasons: codes.map((Code) => ({ Code, Message: 'because' })),
  })

  it('is read claim by claim', () => {
    expect(
      readFailure(
        cancelled('None', 'ConditionalCheckFailed', 'TransactionConflict', 'ThrottlingError', 'ValidationError'),
        5,
      ),
    ).toEqual({
      kind: 'verdicts',
      verdicts: [
        { kind: 'cancelled' },
        { kind: 'duplicate' },
        { kind: 'conflict', reason: 'TransactionConflict' },
        { kind: 'conflict', reason: 'ThrottlingError' },
        { kind: 'refused', reason: 'ValidationError: because' },
      ],
    })
  })

  it('without a reason for any claim is made again as it was', () => {
    expect(readFailure(cancelled('None', 'None'), 2)).toEqual({ kind: 'again', reason: 'TransactionCanceledException' })
  })

  it.each([
    [{ name: 'TransactionInProgressException' }, 'again'],
    [{ name: 'ProvisionedThroughputExceededException' }, 'again'],
    [{ name: 'InternalServerError', $metadata: { httpStatusCode: 500 } }, 'again'],
    [{ name: 'Error', code: 'ECONNRESET' }, 'again'],
    [{ name: 'RequestExpired' }, 'again'],
    [{ name: 'TransactionCanceledException' }, 'again'],
    [cancelled('None'), 'again'],
    [{ name: 'IdempotentParameterMismatchException' }, 'mismatch'],
    [{ name: 'ValidationException' }, 'invalid'],
    [{ name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } }, 'failed'],
    [{ name: 'ResourceNotFoundException' }, 'failed'],
  ])('%j means: %s', (error, kind) => {
    expect(readFailure(error, 1).kind).toBe(kind)
  })
})
