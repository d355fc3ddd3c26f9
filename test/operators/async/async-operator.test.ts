import { describe, expect, it } from 'vitest'
import {
  defineJob,
  outputTag,
  type AsyncFunction,
  type AsyncMapOptions,
  type AsyncOptions,
  type JobDefinition,
} from '../../../operators/index.js'
import { collectSink, operatorHarness, sourceOf } from '../../../runtime/testing/index.js'

interface Call {
  readonly value: number
  readonly resolve: (result: string) => void
  readonly reject: (error: unknown) => void
  readonly signal: AbortSignal
}

/** A job whose calls end when a test says so. */
function calling(options: Partial<AsyncMapOptions<number, string>> = {}): { job: JobDefinition; calls: Call[] } {
  const calls: Call[] = []
  const job = defineJob({
    name: 'calling',
    build(env) {
      env
        .fromSource(sourceOf<number>([]), { uid: 'numbers' })
        .asyncMap(
          (value, { signal }) =>
            new Promise<string>((resolve, reject) => void calls.push({ value, resolve, reject, signal })),
          { uid: 'look-up', ...options },
        )
        .sinkTo(collectSink<string>().sink, { uid: 'out' })
    },
  })
  return { job, calls }
}

/** A job with that function. */
function processing(fn: AsyncFunction<number, string>, options: Partial<AsyncOptions> = {}): JobDefinition {
  return defineJob({
    name: 'processing',
    build(env) {
      const out = env
        .fromSource(sourceOf<number>([]), { uid: 'numbers' })
        .asyncProcess<string>(fn, { uid: 'look-up', ...options })
      out.sinkTo(collectSink<string>().sink, { uid: 'out' })
      out.sideOutput(odd).sinkTo(collectSink<number>().sink, { uid: 'odd' })
    },
  })
}

const odd = outputTag<number>('odd')

/** Lets promises go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('asyncMap', () => {
  it('emits in the order of the records, each with its timestamp, whatever order the calls end in', async () => {
    const { job, calls } = calling()
    const harness = await operatorHarness<string>(job, 'look-up')
    for (const value of [1, 2, 3]) harness.push(value, value * 10)
    calls[2]!.resolve('c')
    calls[1]!.resolve('b')
    await turn()
    expect(harness.values()).toEqual([])
    calls[0]!.resolve('a')
    await harness.settled()
    expect(harness.records).toEqual([
      { value: 'a', timestamp: 10, subtask: 0 },
      { value: 'b', timestamp: 20, subtask: 0 },
      { value: 'c', timestamp: 30, subtask: 0 },
    ])
  })

  it('emits as the calls end where it is unordered, but lets nothing pass a watermark', async () => {
    const { job, calls } = calling({ ordered: false })
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 1)
    harness.push(2, 2)
    harness.advanceWatermark(2)
    harness.push(3, 3)
    calls[2]!.resolve('c')
    calls[1]!.resolve('b')
    await turn()
    expect(harness.values()).toEqual(['b'])
    expect(harness.outputWatermark).toBe(-Infinity)
    calls[0]!.resolve('a')
    await harness.settled()
    expect(harness.values()).toEqual(['b', 'a', 'c'])
    expect(harness.outputWatermark).toBe(2)
  })

  it('holds a watermark back behind the records before it, and of several the last one goes on', async () => {
    const { job, calls } = calling()
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.advanceWatermark(5)
    expect(harness.outputWatermark).toBe(5)
    harness.push(1, 7)
    harness.advanceWatermark(6)
    harness.advanceWatermark(8)
    harness.push(2, 9)
    harness.advanceWatermark(20)
    expect(harness.outputWatermark).toBe(5)
    calls[0]!.resolve('a')
    await turn()
    expect(harness.outputWatermark).toBe(8)
    calls[1]!.resolve('b')
    await turn()
    expect(harness.outputWatermark).toBe(20)
  })

  it('has no more calls under way than its capacity', async () => {
    const { job, calls } = calling({ capacity: 2 })
    const harness = await operatorHarness<string>(job, 'look-up')
    for (const value of [1, 2, 3, 4]) harness.push(value, 0)
    expect(calls.map(({ value }) => value)).toEqual([1, 2])
    calls[0]!.resolve('a')
    await turn()
    expect(calls.map(({ value }) => value)).toEqual([1, 2, 3])
  })

  it('takes a result that is no promise, however many there are', async () => {
    const job = processing({ onElement: (value, ctx) => ctx.emit(String(value)) }, { capacity: 1 })
    const harness = await operatorHarness<string>(job, 'look-up')
    for (let value = 0; value < 20_000; value++) harness.push(value, 0)
    await harness.settled()
    expect(harness.values()).toEqual(Array.from({ length: 20_000 }, (_, value) => String(value)))
  })

  it('fails with its uid when a call fails', async () => {
    const { job, calls } = calling()
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 0)
    calls[0]!.reject(new RangeError('no such turbine'))
    await expect(harness.settled()).rejects.toMatchObject({
      code: 'MILLRACE_USER',
      uid: 'look-up',
      message: 'operator "look-up": RangeError: no such turbine',
    })
  })

  it('fails when a record takes too long, and aborts its call', async () => {
    const { job, calls } = calling({ timeout: '5s' })
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 0)
    harness.advanceProcessingTime(3_000)
    harness.push(2, 0)
    calls[0]!.resolve('a')
    await turn()
    harness.advanceProcessingTime(7_999)
    await turn()
    expect(calls[1]!.signal.aborted).toBe(false)
    harness.advanceProcessingTime(8_000)
    await expect(harness.settled()).rejects.toMatchObject({ uid: 'look-up', message: /5000 ms after its call/ })
    expect(calls[1]!.signal.aborted).toBe(true)
  })

  it('goes on with what onTimeout gives, and forgets what the call gives later', async () => {
    const { job, calls } = calling({ timeout: '5s', onTimeout: (value) => `none for ${value}` })
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 0)
    harness.push(2, 0)
    harness.advanceProcessingTime(5_000)
    calls[0]!.resolve('a')
    calls[1]!.reject(new Error('late'))
    await harness.settled()
    expect(harness.values()).toEqual(['none for 1', 'none for 2'])
    expect(harness.counter('numAsyncTimeouts')).toBe(2)
  })

  it('is called again by the retry strategy, and fails with the last failure', async () => {
    const retry = {
      maxAttempts: 3,
      delay: '1s',
      multiplier: 2,
      ifException: (e: unknown) => e instanceof RangeError,
    } as const
    const { job, calls } = calling({ retry })
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 0)
    calls[0]!.reject(new RangeError('busy'))
    await turn()
    harness.advanceProcessingTime(999)
    expect(calls).toHaveLength(1)
    harness.advanceProcessingTime(1_000)
    calls[1]!.reject(new RangeError('busy'))
    await turn()
    harness.advanceProcessingTime(2_999)
    expect(calls).toHaveLength(2)
    harness.advanceProcessingTime(3_000)
    calls[2]!.resolve('a')
    await harness.settled()
    expect(harness.values()).toEqual(['a'])
    expect(harness.counter('numAsyncRetries')).toBe(2)
    harness.push(2, 0)
    calls[3]!.reject(new TypeError('not that one'))
    await expect(harness.settled()).rejects.toMatchObject({ message: /TypeError: not that one/ })
  })

  it('times out while it waits for another call', async () => {
    const { job, calls } = calling({ timeout: '5s', retry: { maxAttempts: 9, delay: '4s' }, onTimeout: () => 'none' })
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 0)
    calls[0]!.reject(new Error('busy'))
    await turn()
    harness.advanceProcessingTime(4_000)
    calls[1]!.reject(new Error('busy'))
    await turn()
    harness.advanceProcessingTime(5_000)
    await harness.settled()
    expect(harness.values()).toEqual(['none'])
    harness.advanceProcessingTime(20_000)
    expect(calls).toHaveLength(2)
  })

  it('lets a checkpoint wait until nothing is under way, so that nothing of it is in the checkpoint', async () => {
    const { job, calls } = calling()
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 0)
    const snapshot = harness.snapshot()
    let taken = false
    void snapshot.then(() => (taken = true))
    await turn()
    expect(taken).toBe(false)
    calls[0]!.resolve('a')
    expect((await snapshot).subtasks[0]!.operatorState).toEqual({})
    expect(harness.values()).toEqual(['a'])
  })

  it('finishes when nothing is under way any more', async () => {
    const { job, calls } = calling()
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 0)
    const end = harness.finish()
    calls[0]!.resolve('a')
    await end
    expect(harness.values()).toEqual(['a'])
    expect(harness.outputWatermark).toBe(Infinity)
  })

  it('aborts what is under way when the attempt ends', async () => {
    const { job, calls } = calling()
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 0)
    await harness.close()
    expect(calls[0]!.signal.aborted).toBe(true)
  })

  it.each([
    [{ capacity: 0 }, /capacity of asyncMap\(\) must be a whole number above 0/],
    [{ timeout: 0 }, /timeout of asyncMap\(\) must be longer than 0/],
    [{ retry: { maxAttempts: 0, delay: 1 } }, /maxAttempts/],
    [{ retry: { maxAttempts: 2, delay: 1, multiplier: 0.5 } }, /multiplier/],
    [{ uid: '' }, /has no uid/],
  ])('refuses %j when the graph is built', (options, message) => {
    expect(() => calling(options).job.build({})).toThrow(message)
  })
})

describe('asyncProcess', () => {
  it('emits any number of records, to side outputs too, once its promise is done', async () => {
    let open = false
    const job = processing({
      open: () => void (open = true),
      async onElement(value, ctx) {
        if (value % 2 === 1) ctx.output(odd, value)
        for (let n = 0; n < value; n++) ctx.emit(`${value}.${n}`)
        await turn()
      },
    })
    const harness = await operatorHarness<string>(job, 'look-up')
    expect(open).toBe(true)
    for (const value of [0, 1, 2]) harness.push(value, value)
    expect(harness.values()).toEqual([])
    await harness.settled()
    expect(harness.values()).toEqual(['1.0', '2.0', '2.1'])
    expect(harness.sideOutput(odd)).toEqual([{ value: 1, timestamp: 1, subtask: 0 }])
  })

  it('forgets what a call emitted that is made again', async () => {
    let calls = 0
    const job = processing(
      {
        async onElement(value, ctx) {
          ctx.emit(`${value} in call ${++calls}`)
          ctx.output(odd, calls)
          await Promise.resolve()
          if (calls < 3) throw new Error('again')
        },
      },
      { retry: { maxAttempts: 3, delay: 0 } },
    )
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 0)
    for (let n = 0; n < 3; n++) {
      await turn()
      harness.advanceProcessingTime(n)
    }
    await harness.settled()
    expect(harness.values()).toEqual(['1 in call 3'])
    expect(harness.sideOutput<number>(odd).map(({ value }) => value)).toEqual([3])
  })

  it('refuses records that are emitted when the promise is done already', async () => {
    let late: Promise<void> | undefined
    const job = processing({
      onElement(value, ctx) {
        late = turn().then(() => ctx.emit('late'))
      },
    })
    const harness = await operatorHarness<string>(job, 'look-up')
    harness.push(1, 0)
    await expect(late).rejects.toThrow(/emits for a record that is done/)
    expect(harness.values()).toEqual([])
  })

  it('lets what it needs be checked before the job runs', async () => {
    const graph = processing({
      check: ({ uid }) => Promise.reject(new Error(`nothing for ${uid}`)),
      onElement: () => undefined,
    }).build({})
    const node = graph.nodes.find(({ uid }) => uid === 'look-up')!
    if (node.kind !== 'operator') throw new Error('no operator')
    await expect(node.check!({ uid: 'look-up', jobId: 'j', warn: () => undefined })).rejects.toThrow(
      'nothing for look-up',
    )
  })
})
