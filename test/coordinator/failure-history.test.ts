import { describe, expect, it } from 'vitest'
import { FailureHistory, NO_FAILURES, readFailures } from '../../runtime/coordinator/failure-history.js'
import type { JobFailure } from '../../runtime/coordinator/job-failure.js'
import type { CheckpointStorage } from '../../runtime/storage/storage.js'
import { identity } from '../checkpoint/manifests.js'
import { FaultyStorage } from '../storage/faulty-storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'

const failure = (message: string): JobFailure => ({
  error: { code: 'MILLRACE_USER', message, stack: `Error: ${message}\n  at job.ts` },
  uid: 'map',
  atMs: 5,
})

async function history(
  storage: CheckpointStorage,
  epoch: number,
  lastCheckpoint: number,
  warn: (message: string) => void = (message) => expect.fail(message),
): Promise<FailureHistory> {
  const redact = (error: JobFailure['error']) => ({
    ...error,
    message: error.message.replace('hunter2', '***'),
    ...(error.stack === undefined ? {} : { stack: error.stack.replace('hunter2', '***') }),
  })
  const options = { storage, epoch, runId: 'run', identity: identity(epoch), redact, warn }
  return new FailureHistory(options, await readFailures(storage).catch(() => NO_FAILURES), lastCheckpoint)
}

const messages = async (storage: CheckpointStorage): Promise<unknown> => {
  const { total, first, recent } = await readFailures(storage)
  return { total, first: first?.message, recent: recent.map(({ message }) => message) }
}

describe('the failures of a job', () => {
  it('are read by the next process, and the first stays first until a checkpoint is complete', async () => {
    const storage = new MemoryStorage()
    const one = await history(storage, 1, 0)
    one.add(failure('cause'), 1, 50)
    one.add(failure('consequence'), 2, undefined)
    await one.settled()
    const two = await history(storage, 2, 0)
    two.add(failure('again'), 1, 50)
    await two.settled()
    expect(await messages(storage)).toEqual({ total: 3, first: 'cause', recent: ['cause', 'consequence', 'again'] })
    expect(two.failures.recent.map(({ epoch, pid, attempt }) => [epoch, pid, attempt])).toEqual([
      [1, 1, 1],
      [1, 1, 2],
      [2, 2, 1],
    ])

    two.checkpointCompleted(7)
    two.add(failure('another'), 2, 50)
    await two.settled()
    expect(await messages(storage)).toMatchObject({ total: 4, first: 'another' })
    // The next process went on from that checkpoint: nothing is complete since.
    const three = await history(storage, 3, 7)
    three.add(failure('later'), 1, 50)
    await three.settled()
    expect(await messages(storage)).toMatchObject({ total: 5, first: 'another' })
    expect([...storage.files.keys()]).toEqual(['failures/000000000003.json'])
  })

  it('of a process that was taken over do not take the place of those of its successor', async () => {
    const storage = new MemoryStorage()
    const old = await history(storage, 1, 0)
    const successor = await history(storage, 2, 0)
    successor.add(failure('of the successor'), 1, 50)
    await successor.settled()
    old.add(failure('of the old one'), 1, undefined)
    await old.settled()
    expect(await messages(storage)).toMatchObject({ total: 1, first: 'of the successor' })
  })

  it('are bounded, in number and length, classified, and without secrets', async () => {
    const storage = new MemoryStorage()
    const one = await history(storage, 1, 0)
    for (let n = 0; n < 60; n++) one.add(failure(`${n} hunter2 ${'x'.repeat(10_000)}`), n, 50)
    await one.settled()
    const { total, first, recent } = await readFailures(storage)
    expect([total, recent.length, recent[0]!.attempt, first!.attempt]).toEqual([60, 50, 10, 0])
    expect(first).toMatchObject({ kind: 'user code', code: 'MILLRACE_USER', uid: 'map', at: null, restartInMs: 50 })
    const text = [...storage.files.values()].join()
    expect(text).not.toContain('hunter2')
    expect(text.length).toBeLessThan(51 * 10_000)
  })

  it('that cannot be stored are one warning, and no failure', async () => {
    const warnings: string[] = []
    const storage = new FaultyStorage(new MemoryStorage(), () => 'fails')
    const one = await history(storage, 1, 0, (message) => warnings.push(message))
    one.add(failure('a'), 1, 50)
    await one.settled()
    one.add(failure('b'), 2, 50)
    await one.settled()
    expect(one.failures.total).toBe(2)
    expect(warnings).toEqual([expect.stringContaining('failures are not kept')])
  })
})
