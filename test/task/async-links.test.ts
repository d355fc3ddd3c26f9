// What a subtask does for operators that work on several records at once.
import { describe, expect, it } from 'vitest'
import type { OperatorNode } from '../../runtime/contract/graph.js'
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { Output } from '../../runtime/contract/output.js'
import type { ControlElement } from '../../runtime/exchange/element.js'
import { LocalChannel } from '../../runtime/exchange/local-channel.js'
import { RecordBatch } from '../../runtime/exchange/record-batch.js'
import { InputGate } from '../../runtime/task/input-gate.js'
import { OperatorLink } from '../../runtime/task/operator-link.js'
import { createRecordWriter, type RecordWriter } from '../../runtime/task/record-writer.js'
import { Subtask } from '../../runtime/task/subtask.js'
import { systemClock } from '../../runtime/worker/system-clock.js'

type Element = ControlElement | { readonly kind: 'records'; readonly values: readonly unknown[] }

const INFO = { jobId: 'j', runId: 'r', subtask: 0, parallelism: 1, maxParallelism: 128, attempt: 1, epoch: 1 }

/** An asynchronous operator that a test plays: takes records, emits them when told. */
class Played implements Operator<unknown, unknown> {
  readonly taken: unknown[] = []
  readonly watermarks: number[] = []
  context!: OperatorContext<unknown>
  most = Infinity
  held = Infinity
  private room: Promise<void> | undefined
  private opened: () => void = () => undefined
  private preparing: (() => void) | undefined
  barriers = 0
  waitsAtBarriers = false

  open(context: OperatorContext<unknown>): void {
    this.context = context
  }

  processElement(value: unknown): void {
    this.taken.push(value)
  }

  processWatermark(watermark: number): void {
    this.watermarks.push(watermark)
  }

  busy(): Promise<void> | undefined {
    if (this.taken.length < this.most) return undefined
    this.room ??= new Promise((resolve) => (this.opened = resolve))
    return this.room
  }

  holdWatermark(watermark: number): number {
    return Math.min(watermark, this.held)
  }

  settled(): Promise<void> | undefined {
    return this.held === Infinity ? undefined : new Promise((resolve) => (this.settle = resolve))
  }
  settle: () => void = () => undefined

  prepareBarrier(): Promise<void> | undefined {
    this.barriers++
    return this.waitsAtBarriers ? new Promise((resolve) => (this.preparing = resolve)) : undefined
  }

  prepared(): void {
    this.preparing!()
  }

  /** Emits the oldest record from the loop. */
  leave(): void {
    this.context.execute(() => this.context.output.emit(this.taken.shift(), 0))
    this.room = undefined
    this.opened()
  }
}

const pass = (): Operator<unknown, unknown> => {
  let output: Output<unknown>
  return {
    open: (ctx) => void (output = ctx.output),
    processElement: (value, timestamp) => output.emit(value, timestamp),
  }
}

/** A subtask of these operators between one channel and another. */
async function chained(...operators: Operator<unknown, unknown>[]) {
  const [input, output] = [new LocalChannel(64, 64, false), new LocalChannel(64, 64, false)]
  const writer: RecordWriter = createRecordWriter(
    { partitioning: { kind: 'forward' }, combining: undefined },
    [output],
    {
      maxParallelism: 128,
      subtask: 0,
      uid: 'out',
    },
  )
  let next: Output<unknown> = writer
  const links: OperatorLink[] = []
  for (const [i, operator] of [...operators.entries()].reverse()) {
    const node = { uid: `op-${i}`, create: () => operator } as unknown as OperatorNode
    const link = new OperatorLink(node, {
      info: INFO,
      clock: systemClock,
      output: next,
      sideOutput: () => ({ emit: () => undefined }),
      hasSideOutput: () => false,
      print: () => undefined,
      warn: () => undefined,
    })
    await link.open(undefined)
    links.unshift(link)
    next = link.input
  }
  const events: string[] = []
  let failure: unknown
  const subtask = new Subtask({
    task: 0,
    links,
    writers: [writer],
    restoredWatermark: -Infinity,
    host: {
      clock: systemClock,
      wake: () => void events.push('wake'),
      fail: (error) => void (failure = error),
      snapshotBegins: () => undefined,
      snapshotTaken: ({ operators: taken }) => void events.push(`snapshot ${taken.map((o) => o.watermark).join(' ')}`),
      finished: () => void events.push('finished'),
    },
  })
  subtask.connect(new InputGate([{ reader: input, input: 0, keyOf: undefined }], subtask, -Infinity))
  /** Gives it elements and the loop, until there is nothing to do. */
  const run = async (...elements: (ControlElement | readonly unknown[])[]): Promise<Element[]> => {
    for (const element of elements) {
      if ('kind' in element) input.tryWriteControl(element)
      else {
        const batch = new RecordBatch(64, false)
        for (const value of element) batch.append(value, 0, 0)
        input.tryWriteRecords(batch)
      }
    }
    for (let quiet = 0; quiet < 3;) {
      quiet = subtask.runOnce() ? 0 : quiet + 1
      await new Promise((resolve) => setImmediate(resolve))
    }
    subtask.flush()
    expect(failure).toBeUndefined()
    const out: Element[] = []
    for (let one = output.poll(); one !== undefined; one = output.poll()) {
      out.push(one.kind === 'records' ? { kind: 'records', values: one.values.slice(0, one.length) } : one)
    }
    return out
  }
  return { subtask, run, events }
}

const watermark = (time: number): ControlElement => ({ kind: 'watermark', time })
const barrier = (checkpointId: number): ControlElement => ({ kind: 'barrier', checkpointId, timestamp: 0 })
const records = (...values: unknown[]): Element => ({ kind: 'records', values })

describe('a busy operator', () => {
  it('takes no record of the batch any more, until it can again', async () => {
    const played = new Played()
    played.most = 2
    const { run, subtask } = await chained(pass(), played)
    expect(await run([1, 2, 3, 4])).toEqual([])
    expect(played.taken).toEqual([1, 2])
    expect(subtask.hasWork()).toBe(false)
    played.leave()
    expect(subtask.hasWork()).toBe(true)
    expect(await run()).toEqual([records(1)])
    expect(played.taken).toEqual([2, 3])
  })

  it('lets the operators behind it go on, and not those before it', async () => {
    const [first, second] = [new Played(), new Played()]
    second.most = 1
    const { run } = await chained(first, pass(), second)
    await run([1, 2, 3])
    expect(first.taken).toEqual([1, 2, 3])
    first.leave()
    first.leave()
    expect(await run()).toEqual([])
    // The second one waits for room, though its task is asked for.
    expect([first.taken, second.taken]).toEqual([[2, 3], [1]])
    second.leave()
    expect(await run()).toEqual([records(1)])
    expect([first.taken, second.taken]).toEqual([[3], [2]])
  })
})

describe('a task', () => {
  it('runs on the loop, in its turn, not where it is asked for', async () => {
    const played = new Played()
    const { run, events } = await chained(played)
    await run([1, 2])
    played.leave()
    played.leave()
    expect(played.taken).toEqual([1, 2])
    expect(events).toContain('wake')
    expect(await run()).toEqual([records(1, 2)])
  })

  it('that fails is a failure of its operator', async () => {
    const played = new Played()
    const { subtask } = await chained(pass(), played)
    played.context.execute(() => {
      throw new Error('no')
    })
    expect(() => subtask.runOnce()).toThrow(
      expect.objectContaining({ uid: 'op-1', message: 'operator "op-1": Error: no' }) as Error,
    )
  })
})

describe('a held watermark', () => {
  it('is seen by the operators before, and goes on when it is released; records pass meanwhile', async () => {
    const [before, held, behind] = [new Played(), new Played(), new Played()]
    const { run } = await chained(before, held, behind)
    held.held = 5
    expect(await run(watermark(3), watermark(9))).toEqual([watermark(3), watermark(5)])
    expect([before.watermarks, held.watermarks, behind.watermarks]).toEqual([
      [3, 9],
      [3, 9],
      [3, 5],
    ])
    await run([1])
    expect(before.taken).toEqual([1])
    held.held = 7
    held.context.releaseWatermark()
    expect(await run()).toEqual([watermark(7)])
    expect(await run(watermark(12))).toEqual([])
    held.held = Infinity
    held.context.releaseWatermark()
    expect(await run()).toEqual([watermark(12)])
    expect([before.watermarks, behind.watermarks]).toEqual([
      [3, 9, 12],
      [3, 5, 7, 12],
    ])
  })

  it('by two operators goes as far as each allows', async () => {
    const [first, second] = [new Played(), new Played()]
    const { run } = await chained(first, second, pass())
    first.held = 5
    second.held = 2
    expect(await run(watermark(9))).toEqual([watermark(2)])
    first.held = Infinity
    first.context.releaseWatermark()
    expect(await run()).toEqual([])
    expect(second.watermarks).toEqual([5, 9])
    second.held = Infinity
    second.context.releaseWatermark()
    expect(await run()).toEqual([watermark(9)])
  })

  it('goes on before the tasks that were asked for behind its release', async () => {
    const played = new Played()
    const { run } = await chained(played)
    played.held = 1
    await run([1, 2], watermark(4))
    played.leave()
    played.context.execute(() => {
      played.held = Infinity
      played.context.releaseWatermark()
    })
    played.leave()
    expect(await run()).toEqual([records(1), watermark(4), records(2)])
  })

  it('holds back that the subtask is idle, and so does a record that is worked on', async () => {
    const played = new Played()
    const { run } = await chained(played)
    played.held = 1
    expect(await run(watermark(4), { kind: 'idle' })).toEqual([watermark(1)])
    played.held = 4
    played.context.releaseWatermark()
    // The watermark is through, a record behind it is not.
    expect(await run()).toEqual([watermark(4)])
    played.held = Infinity
    played.settle()
    expect(await run()).toEqual([{ kind: 'idle' }])
    expect(await run({ kind: 'active' }, watermark(6))).toEqual([{ kind: 'active' }, watermark(6)])
  })

  it('that never came to be idle is not said to be active', async () => {
    const played = new Played()
    const { run } = await chained(played)
    played.held = 1
    await run({ kind: 'idle' })
    expect(await run({ kind: 'active' })).toEqual([])
  })

  it('of +infinity holds back the end', async () => {
    const played = new Played()
    const { run, events } = await chained(played)
    played.held = 1
    expect(await run(watermark(Infinity), { kind: 'end' })).toEqual([watermark(1)])
    expect(events).not.toContain('finished')
    played.held = Infinity
    played.context.releaseWatermark()
    expect(await run()).toEqual([watermark(Infinity), { kind: 'end' }])
    expect(events).toContain('finished')
  })
})

describe('a barrier', () => {
  it('waits for what is asked to be executed until prepareBarrier resolves; what is asked later comes behind', async () => {
    const [first, second] = [new Played(), new Played()]
    first.waitsAtBarriers = true
    second.waitsAtBarriers = true
    const { run, events } = await chained(first, second)
    await run([1, 2, 3])
    expect(await run(barrier(1), [4])).toEqual([])
    expect([first.barriers, second.barriers]).toEqual([1, 0])
    first.leave()
    first.leave()
    first.prepared()
    // The loop comes later than the promise.
    await new Promise((resolve) => setImmediate(resolve))
    expect(second.barriers).toBe(0)
    await run()
    expect([first.taken, second.taken, second.barriers]).toEqual([[3], [1, 2], 1])
    // The barrier has passed the first one.
    first.leave()
    await run()
    expect(second.taken).toEqual([1, 2])
    second.leave()
    second.leave()
    second.prepared()
    expect(await run()).toEqual([records(1, 2), barrier(1)])
    expect(events).toContain('snapshot -Infinity -Infinity')
    expect([first.taken, second.taken]).toEqual([[4], [3]])
  })

  it('takes with it how far each operator really is', async () => {
    const played = new Played()
    const { run, events } = await chained(pass(), played, pass())
    played.held = 5
    await run(watermark(9), barrier(1))
    expect(events).toContain('snapshot 9 9 5')
  })

  it('lets a watermark go on that is released while it waits', async () => {
    const played = new Played()
    played.waitsAtBarriers = true
    const { run, events } = await chained(played, pass())
    played.held = 5
    await run([1], watermark(9), barrier(1))
    played.leave()
    played.held = Infinity
    played.context.releaseWatermark()
    await run()
    played.prepared()
    expect(await run()).toEqual([barrier(1)])
    expect(events).toContain('snapshot 9 9')
  })
})

it('what was emitted so far has left once the operators are done with it', async () => {
  const played = new Played()
  const { run, subtask } = await chained(played)
  played.held = 0
  await run([1])
  const left = subtask.send()
  await run()
  expect(left()).toBe(false)
  played.leave()
  played.held = Infinity
  played.settle()
  expect(await run()).toEqual([records(1)])
  expect(left()).toBe(true)
})
