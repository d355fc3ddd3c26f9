import { describe, expect, it } from 'vitest'
import type { CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import { MillraceError } from '../../runtime/contract/errors.js'
import { AttemptCheckpoints } from '../../runtime/coordinator/attempt-checkpoints.js'
import { DEFAULT_CHECKPOINTING, type CheckpointRules } from '../../runtime/coordinator/checkpoint-rules.js'
import type { ToSlot } from '../../runtime/worker/protocol.js'
import { VirtualClock } from '../checkpoint/virtual-clock.js'

const full = new MillraceError('MILLRACE_STORAGE', 'disk full')

/** Checkpoints of an attempt with one slot and one task, of which everything that happens is written down. */
function checkpointed(
  rules: Partial<CheckpointRules>,
  publishing: Promise<void> = Promise.resolve(),
  committed: Partial<CheckpointManifest> = {},
) {
  const clock = new VirtualClock(0)
  const log: string[] = []
  const commits: { resolve: () => void; reject: (error: Error) => void }[] = []
  let ids = 0
  let over = false
  const checkpoints = new AttemptCheckpoints({
    clock,
    rules: { ...DEFAULT_CHECKPOINTING, timeoutMs: 1_000, ...rules },
    slots: 1,
    tasks: 1,
    sink: {
      nextId: () => ++ids,
      commit: ({ id }) =>
        new Promise((resolve, reject) => {
          log.push(`commit ${id}`)
          commits.push({ resolve: () => resolve(committed as CheckpointManifest), reject })
        }),
      publish: (_, { id }) => {
        log.push(`publish ${id}`)
        return publishing
      },
      abandon: ({ id }) => void log.push(`abandon ${id}`),
      lost: ({ id }) => void log.push(`lost ${id}`),
      late: () => void log.push('late'),
      restored: () => undefined,
    },
    enumerators: () => ({}),
    broadcast: (message: ToSlot) => {
      if (message.type === 'triggerCheckpoint') log.push(`trigger ${message.checkpointId} at ${clock.now()}`)
      else if ('checkpointId' in message) log.push(`${message.type.slice(10)} ${message.checkpointId}`)
      else log.push(message.type)
    },
    completed: () => {},
    fail: (error) => {
      over = true
      log.push(`fail: ${(error as Error).message}`)
    },
    get over() {
      return over
    },
  })
  const taken = (): string[] => log.splice(0)
  const acknowledge = (id: number): void => checkpoints.acknowledge(0, id, [])
  const settle = (): Promise<void> => clock.advance(0)
  return { clock, checkpoints, commits, taken, acknowledge, settle }
}

describe('checkpoints of an attempt', () => {
  it('are taken one at a time: the next one when the one before has ended', async () => {
    const { clock, checkpoints, commits, taken, acknowledge, settle } = checkpointed({ intervalMs: 10 })
    checkpoints.start()
    await clock.advance(35)
    expect(taken()).toEqual(['trigger 1 at 10'])
    acknowledge(1)
    await settle()
    expect(taken()).toEqual(['commit 1'])
    commits[0]!.resolve()
    await settle()
    expect(taken()).toEqual(['publish 1', 'Complete 1', 'trigger 2 at 35'])
  })

  it('may be several at once, committed in the order in which they were begun', async () => {
    const { clock, checkpoints, commits, taken, acknowledge, settle } = checkpointed({
      intervalMs: 10,
      maxConcurrent: 2,
    })
    checkpoints.start()
    await clock.advance(35)
    expect(taken()).toEqual(['trigger 1 at 10', 'trigger 2 at 20'])
    acknowledge(2)
    await settle()
    expect(taken()).toEqual([])
    acknowledge(1)
    commits[0]!.resolve()
    await settle()
    expect(taken()).toEqual(['commit 1', 'publish 1', 'Complete 1', 'commit 2', 'trigger 3 at 35'])
  })

  it('that are given up take older ones with them that are not complete, and no newer ones', async () => {
    const { clock, checkpoints, commits, taken, acknowledge, settle } = checkpointed({
      intervalMs: 10,
      maxConcurrent: 3,
      toleratedFailures: 2,
    })
    checkpoints.start()
    await clock.advance(30)
    taken()
    checkpoints.declined(2, full, 'op')
    expect(taken()).toEqual(['abandon 1', 'Aborted 1', 'abandon 2', 'Aborted 2'])
    acknowledge(3)
    commits[0]!.resolve()
    await settle()
    expect(taken()).toEqual(['commit 3', 'publish 3', 'Complete 3'])
    acknowledge(1)
    expect(taken()).toEqual(['late'])
  })

  it('pause after one another, however that ended', async () => {
    const { clock, checkpoints, commits, taken, acknowledge, settle } = checkpointed({
      intervalMs: 10,
      minPauseMs: 100,
      timeoutMs: 500,
      toleratedFailures: 1,
    })
    checkpoints.start()
    await clock.advance(30)
    acknowledge(1)
    commits[0]!.resolve()
    await settle()
    taken()
    await clock.advance(99)
    expect(taken()).toEqual([])
    await clock.advance(1)
    expect(taken()).toEqual(['trigger 2 at 130'])
    await clock.advance(599)
    expect(taken()).toEqual(['abandon 2', 'Aborted 2'])
    await clock.advance(1)
    expect(taken()).toEqual(['trigger 3 at 730'])
  })

  it('that are asked for do not wait for the pause', async () => {
    const { clock, checkpoints, commits, taken, acknowledge, settle } = checkpointed({
      intervalMs: 10,
      minPauseMs: 100,
    })
    checkpoints.start()
    await clock.advance(10)
    acknowledge(1)
    commits[0]!.resolve()
    await settle()
    taken()
    checkpoints.request('savepoint')
    expect(taken()).toEqual(['trigger 2 at 10'])
  })

  it.each([
    ['not complete in time', 'checkpoint 3 was not complete after 1000 ms'],
    ['not stored by a slot', 'disk full'],
    ['not written to the log', 'disk full'],
  ])('that are %s fail the attempt when they are one too many in a row', async (how, message) => {
    const { clock, checkpoints, commits, taken, acknowledge, settle } = checkpointed({ toleratedFailures: 1 })
    checkpoints.start()
    const failNext = async (id: number): Promise<void> => {
      checkpoints.request('rescale')
      if (how === 'not complete in time') await clock.advance(1_000)
      else if (how === 'not stored by a slot') checkpoints.declined(id, full, 'op')
      else {
        acknowledge(id)
        commits.at(-1)!.reject(full)
      }
      await settle()
    }
    await failNext(1)
    // It is asked for again. A checkpoint that is complete ends the row.
    expect(taken().at(-1)).toMatch('trigger 2')
    await failNext(2)
    expect(taken().at(-1)).toBe(`fail: ${message.replace('checkpoint 3', 'checkpoint 2')}`)
  })

  it('count once when they take older ones with them, and not where records in flight were no values', async () => {
    const { checkpoints, taken } = checkpointed({ toleratedFailures: 1, maxConcurrent: 3 })
    checkpoints.start()
    for (let n = 0; n < 3; n++) checkpoints.request('periodic')
    checkpoints.declined(3, full, 'op')
    expect(taken().filter((line) => /abandon|fail/.test(line))).toEqual(['abandon 1', 'abandon 2', 'abandon 3'])
    checkpoints.request('periodic')
    checkpoints.declined(4, new MillraceError('MILLRACE_VALUE', 'a function'), 'op')
    checkpoints.request('periodic')
    expect(taken()).not.toContainEqual(expect.stringContaining('fail'))
    checkpoints.declined(5, full, 'op')
    expect(taken()).toContain('fail: disk full')
  })

  it('begin the row anew with one that is complete, and count no savepoints', async () => {
    const { checkpoints, commits, taken, acknowledge, settle } = checkpointed({ toleratedFailures: 1 })
    checkpoints.start()
    for (const [id, reason] of [
      [1, 'periodic'],
      [3, 'periodic'],
    ] as const) {
      checkpoints.request(reason)
      checkpoints.declined(id, full, 'op')
      checkpoints.request('periodic')
      acknowledge(id + 1)
      commits.at(-1)!.resolve()
      await settle()
    }
    for (const id of [5, 6, 7]) {
      checkpoints.request('savepoint')
      checkpoints.declined(id, full, 'op')
    }
    expect(taken().filter((entry) => entry.startsWith('fail'))).toEqual([])
  })

  it('fail the attempt at once when another process has the job, however many may fail', async () => {
    const { checkpoints, commits, taken, acknowledge, settle } = checkpointed({ toleratedFailures: 1_000 })
    checkpoints.start()
    checkpoints.request('periodic')
    acknowledge(1)
    commits[0]!.reject(new MillraceError('MILLRACE_FENCED', 'taken over'))
    await settle()
    expect(taken().at(-1)).toBe('fail: taken over')
  })

  it('are none any more once the last one is in the log, though its output is still being published', async () => {
    let published = (): void => {}
    const publishing = new Promise<void>((resolve) => (published = resolve))
    const rules = { intervalMs: 10, maxConcurrent: 3 }
    const { clock, checkpoints, commits, taken, acknowledge, settle } = checkpointed(rules, publishing)
    checkpoints.start()
    checkpoints.request('final')
    await clock.advance(50)
    expect(taken()).toEqual(['trigger 1 at 0'])
    acknowledge(1)
    commits[0]!.resolve()
    await clock.advance(50)
    expect(taken()).toEqual(['commit 1', 'publish 1'])
    published()
    await settle()
    expect(taken()).toEqual(['Complete 1', 'close'])
    expect(checkpoints.closingAs).toBe('finished')
  })

  it('end the attempt when the log says that the job had ended before', async () => {
    const { checkpoints, commits, taken, acknowledge, settle } = checkpointed({}, undefined, { final: true })
    checkpoints.start()
    checkpoints.request('periodic')
    acknowledge(1)
    commits[0]!.resolve()
    await settle()
    expect(taken().at(-1)).toBe('close')
    expect(checkpoints.closingAs).toBe('finished')
  })

  it('that are under way when the attempt ends count as failed', async () => {
    const { clock, checkpoints, taken } = checkpointed({ intervalMs: 10, maxConcurrent: 2 })
    checkpoints.start()
    await clock.advance(20)
    taken()
    await checkpoints.end()
    expect(taken()).toEqual(['lost 1', 'lost 2'])
  })
})
