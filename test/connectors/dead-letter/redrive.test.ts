import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  deadLetter,
  defineJob,
  MillraceError,
  tumbling,
  value,
  type JobDefinition,
  type Stream,
} from '../../../operators/index.js'
import { toLine } from '../../../operators/connectors/dead-letter/letter-line.js'
import { RedriveFolder } from '../../../operators/connectors/dead-letter/redrive-folder.js'
import { RedriveReader } from '../../../operators/connectors/dead-letter/redrive-reader.js'
import { redrive } from '../../../runtime/cli/redrive.js'
import {
  collectSink,
  controlledSource,
  runInProcess,
  sourceOf,
  type CollectSink,
  type InProcessResult,
} from '../../../runtime/testing/index.js'
import { tempFolder } from '../support.js'

interface Order {
  readonly id: bigint
  readonly customer: string
  readonly amount: number
}

interface Sum {
  readonly customer: string
  readonly sum: number
}

const order = (id: number, customer: string, amount: number): Order => ({ id: BigInt(id), customer, amount })
const sums = { sum: value<number>() }

/** Sums up what each customer orders; fails for the amounts in `broken`. */
class Shop {
  readonly feed = controlledSource<Order>(1)
  readonly out: CollectSink<Sum> = collectSink<Sum>()
  readonly letters = join(tempFolder(), 'letters')
  checkpoints = tempFolder()
  broken = new Set<number>()
  /** After so many records the whole job fails. */
  readonly crashes: number[] = []
  private taken = 0

  get job(): JobDefinition {
    return defineJob({
      name: 'shop',
      build: (env) => {
        env
          .fromSource(this.feed.source, { uid: 'orders' })
          .keyBy(({ customer }) => customer)
          .process<Sum, typeof sums>({
            state: sums,
            onElement: ({ customer, amount }, ctx) => {
              this.crash()
              if (this.broken.has(amount)) throw new Error(`no amount: ${amount}`)
              const sum = (ctx.state.sum.value() ?? 0) + amount
              ctx.state.sum.update(sum)
              ctx.emit({ customer, sum })
            },
          })
          .uid('sums')
          .onError(deadLetter(`file:${this.letters}`))
          .sinkTo(this.out.sink, { uid: 'out' })
      },
    })
  }

  private crash(): void {
    if (this.crashes.length === 0 || ++this.taken < this.crashes[0]!) return
    this.crashes.shift()
    throw new MillraceError('MILLRACE_STORAGE', `crash ${this.taken}`)
  }

  /** Runs the job until `done`, then suspends it. */
  async run(done: () => boolean, options: { restartAttempts?: number } = {}): Promise<InProcessResult> {
    let suspend = (): void => {}
    const poll = setInterval(() => done() && suspend(), 5)
    try {
      return await runInProcess(this.job, {
        ...options,
        parallelism: 2,
        checkpointDirectory: this.checkpoints,
        checkpointIntervalMs: 20,
        onStart: (running) => (suspend = () => running.suspend()),
      })
    } finally {
      clearInterval(poll)
    }
  }

  files(): string[] {
    return existsSync(this.letters) ? readdirSync(this.letters).filter((name) => /^[^.].*\.jsonl$/.test(name)) : []
  }

  /** Files that are laid out, and those that are marked as taken. */
  laidOut(): [number, number] {
    return laidOut(this.letters, 'shop/sums')
  }

  /** Everything laid out was read, and a checkpoint has it. */
  isTaken(): boolean {
    const [files, taken] = this.laidOut()
    return files === taken
  }

  lines(): Record<string, unknown>[] {
    return this.files()
      .flatMap((name) => readFileSync(join(this.letters, name), 'utf8').trimEnd().split('\n'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  sorted(): Sum[] {
    return this.out.values().toSorted((a, b) => a.customer.localeCompare(b.customer) || a.sum - b.sum)
  }
}

function laidOut(letters: string, operator: string): [number, number] {
  const names = readdirSync(join(letters, 'redrive', operator))
  return [
    names.filter((name) => name.endsWith('.jsonl')).length,
    names.filter((name) => name.endsWith('.taken')).length,
  ]
}

describe('dead letters', () => {
  it('hold what failed, for people and to be fed again', async () => {
    const shop = new Shop()
    shop.broken.add(-1)
    shop.feed.push(0, order(1, 'a', 5), order(2, 'a', -1), order(3, 'b', 7))
    const result = await shop.run(() => shop.files().length > 0 && shop.out.values().length === 2)
    expect(result.status).toBe('SUSPENDED')
    expect(shop.lines()).toEqual([
      {
        job: 'shop',
        operator: 'sums',
        attempt: 1,
        failedAt: expect.stringMatching(/^20\d\d-/) as string,
        error: expect.objectContaining({ name: 'Error', message: 'no amount: -1' }) as object,
        input: 0,
        timestamp: null,
        key: 'a',
        value: { id: '2', customer: 'a', amount: -1 },
        bytes: expect.any(String) as string,
      },
    ])
  })

  it('are fed again to the mended job, each once, with the state it has by then', async () => {
    const shop = new Shop()
    shop.broken.add(-1)
    shop.feed.push(0, order(1, 'a', 5), order(2, 'a', -1), order(3, 'b', -1), order(4, 'b', 10))
    await shop.run(() => shop.lines().length === 2 && shop.out.values().length === 2)
    expect(await redrive(shop.letters)).toEqual({ redriven: { shop: { sums: 2 } }, kept: 0 })
    expect(await redrive(shop.letters)).toEqual({ redriven: {}, kept: 0 })

    shop.broken.clear()
    await shop.run(() => shop.out.values().length === 4 && shop.isTaken())
    const expected = [
      { customer: 'a', sum: 4 },
      { customer: 'a', sum: 5 },
      { customer: 'b', sum: 9 },
      { customer: 'b', sum: 10 },
    ]
    expect(shop.sorted()).toEqual(expected)

    // Nothing of it comes another time.
    let looks = 0
    await shop.run(() => ++looks > 100)
    expect(shop.sorted()).toEqual(expected)
  })

  it('reach a job that runs, and tell when they fail again', async () => {
    const shop = new Shop()
    shop.broken.add(-1).add(-2)
    shop.feed.push(0, order(1, 'a', 5), order(2, 'a', -1), order(3, 'a', -2))
    let redriven = false
    await shop.run(() => {
      if (!redriven && shop.lines().length === 2) {
        redriven = true
        shop.broken.delete(-2)
        void redrive(shop.letters)
      }
      return shop.out.values().length === 2 && shop.lines().some(({ attempt }) => attempt === 2)
    })
    expect(shop.sorted()).toEqual([
      { customer: 'a', sum: 3 },
      { customer: 'a', sum: 5 },
    ])
    expect(shop.lines().filter(({ attempt }) => attempt === 2)).toMatchObject([{ value: { amount: -1 } }])
  })

  it('come once however often the job fails meanwhile', async () => {
    const shop = new Shop()
    const each = 300
    shop.broken.add(-1)
    shop.feed.push(0, ...Array.from({ length: each }, (_, i) => order(i, `c${i}`, -1)))
    await shop.run(() => shop.lines().length === each)
    await redrive(shop.letters)
    shop.broken.clear()
    shop.crashes.push(100, 350)
    const { status } = await shop.run(() => shop.out.values().length >= each, { restartAttempts: 5 })
    expect(status).toBe('SUSPENDED')
    expect(shop.crashes).toEqual([])
    expect(shop.sorted()).toHaveLength(each)
    expect(new Set(shop.sorted().map(({ customer }) => customer)).size).toBe(each)
  })
})

describe('redriven records after a restore', () => {
  const expected = [
    { customer: 'a', sum: 4 },
    { customer: 'a', sum: 5 },
  ]

  async function failed(): Promise<Shop> {
    const shop = new Shop()
    shop.broken.add(-1)
    shop.feed.push(0, order(1, 'a', 5), order(2, 'a', -1))
    await shop.run(() => shop.lines().length === 1 && shop.out.values().length === 1)
    shop.broken.clear()
    return shop
  }

  it('come again from a checkpoint that is older than they, and once', async () => {
    const shop = await failed()
    const older = tempFolder()
    cpSync(shop.checkpoints, older, { recursive: true })
    await redrive(shop.letters)
    await shop.run(() => shop.out.values().length === 2 && shop.isTaken())
    expect(shop.sorted()).toEqual(expected)

    shop.checkpoints = older
    let looks = 0
    await shop.run(() => shop.out.values().length > 2 && ++looks > 20)
    expect(shop.sorted()).toEqual([expected[0], ...expected])
  })

  it('do not come again to a job that starts without a checkpoint', async () => {
    const shop = await failed()
    await redrive(shop.letters)
    await shop.run(() => shop.out.values().length === 2 && shop.isTaken())

    shop.checkpoints = tempFolder()
    let looks = 0
    await shop.run(() => shop.out.values().length >= 4 && ++looks > 20)
    // Both come from the source: the record that had failed does not now.
    expect(shop.sorted()).toEqual([expected[0], expected[0], expected[1], expected[1]])
  })
})

describe('a file that is laid out', () => {
  const line = toLine('shop', {
    uid: 'sums',
    value: 1,
    input: 0,
    timestamp: 5,
    error: { name: 'Error', message: 'no' },
    attempt: 1,
    failedAtMs: 0,
  })

  it.each([
    ['is gone', undefined, 0],
    ['is empty', '', 0],
    ['is shorter than it was', `${line}\n`, 3],
  ])('that %s is refused', async (_, text, at) => {
    const place = tempFolder()
    if (text !== undefined) {
      mkdirSync(join(place, 'redrive/shop/sums'), { recursive: true })
      writeFileSync(join(place, 'redrive/shop/sums/a.jsonl'), text)
    }
    const split = { job: 'shop', name: 'a.jsonl', line: at, ended: false }
    const opened = RedriveReader.open(new RedriveFolder(place, 'shop', 'sums'), split)
    await expect(opened).rejects.toMatchObject({ code: 'MILLRACE_INPUT' })
  })
})

describe('two jobs in one place', () => {
  it('are fed their own', async () => {
    const letters = join(tempFolder(), 'letters')
    const out = collectSink<string>()
    let broken = true
    const jobOf = (name: string, records: readonly string[]): JobDefinition =>
      defineJob({
        name,
        build(env) {
          env
            .fromSource(sourceOf([records]), { uid: 'records' })
            .map((record) => {
              if (broken) throw new Error('broken')
              return `${record} in ${name}`
            })
            .uid('map')
            .onError(deadLetter(`file:${letters}`))
            .sinkTo(out.sink, { uid: 'out' })
        },
      })
    await runInProcess(jobOf('real', ['r1', 'r2']))
    await runInProcess(jobOf('trial', ['t1']))
    await expect(redrive(letters, { operator: 'mop' })).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      hint: 'there are those of "map" of job "real", "map" of job "trial"',
    })
    await expect(redrive(letters, { job: 'other' })).rejects.toMatchObject({ code: 'MILLRACE_INPUT' })
    expect(await redrive(letters, { job: 'trial' })).toEqual({ redriven: { trial: { map: 1 } }, kept: 2 })
    expect(await redrive(letters)).toEqual({ redriven: { real: { map: 2 } }, kept: 0 })
    broken = false
    await runInProcess(jobOf('real', []))
    expect(out.values().toSorted()).toEqual(['r1 in real', 'r2 in real'])
    await runInProcess(jobOf('trial', []))
    expect(out.values().toSorted()).toEqual(['r1 in real', 'r2 in real', 't1 in trial'])
  })
})

it('a place without dead letters is refused', async () => {
  await expect(redrive(join(tempFolder(), 'none'))).rejects.toMatchObject({
    code: 'MILLRACE_INPUT',
    message: expect.stringMatching(/no dead-letter file in .*none/) as string,
  })
})

it('a record that cannot be shown is a line all the same', () => {
  const value: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  value['itself'] = value
  const record = { uid: 'u', value, input: 0, timestamp: 0, error: { name: 'Error', message: 'm' } } as const
  expect(toLine('shop', { ...record, attempt: 1, failedAtMs: 0 })).toContain('"value":"a value that cannot be shown')
})

describe('a bounded job', () => {
  it('takes what was laid out before it started, at either input of an operator', async () => {
    const letters = join(tempFolder(), 'letters')
    let broken = true
    const taken = (side: string, n: number): string => {
      if (broken && n % 2 === 1) throw new Error('odd')
      return `${side}${n}`
    }
    const out = collectSink<string>()
    const jobOf = (numbers: readonly number[]): JobDefinition =>
      defineJob({
        name: 'sides',
        build(env) {
          const of = (uid: string): Stream<number> => env.fromSource(sourceOf([numbers]), { uid })
          of('left')
            .connect(of('right'))
            .process<string>({
              onElement1: (n, ctx) => ctx.emit(taken('l', n)),
              onElement2: (n, ctx) => ctx.emit(taken('r', n)),
            })
            .uid('sides')
            .onError(deadLetter(`file:${letters}`))
            .sinkTo(out.sink, { uid: 'out' })
        },
      })
    expect((await runInProcess(jobOf([0, 1, 2, 3]), { parallelism: 2 })).status).toBe('FINISHED')
    expect(out.values().toSorted()).toEqual(['l0', 'l2', 'r0', 'r2'])
    expect(await redrive(`file:${letters}`, { operator: 'sides' })).toEqual({
      redriven: { sides: { sides: 4 } },
      kept: 0,
    })
    broken = false
    expect((await runInProcess(jobOf([]), { parallelism: 2 })).status).toBe('FINISHED')
    expect(out.values().toSorted()).toEqual(['l0', 'l1', 'l2', 'l3', 'r0', 'r1', 'r2', 'r3'])
    const [files, marked] = laidOut(letters, 'sides/sides')
    expect(marked).toBe(files)
    expect((await runInProcess(jobOf([]), { parallelism: 2 })).status).toBe('FINISHED')
    expect(out.values()).toHaveLength(8)
  })

  it('keeps timers in the file: they cannot be fed again', async () => {
    const letters = join(tempFolder(), 'letters')
    const job = defineJob({
      name: 'timers',
      build(env) {
        env
          .fromSource(sourceOf([[1, 2]], { timestamp: (n) => n }), { uid: 'numbers' })
          .keyBy((n) => n)
          .window(tumbling(10))
          .apply<number>((key) => {
            throw new Error(`window of ${key}`)
          })
          .uid('windows')
          .onError(deadLetter(`file:${letters}`))
          .sinkTo(collectSink<number>().sink, { uid: 'out' })
      },
    })
    expect((await runInProcess(job)).status).toBe('FINISHED')
    expect(await redrive(letters)).toEqual({ redriven: {}, kept: 2 })
    const [name] = readdirSync(letters).filter((file) => file.endsWith('.jsonl'))
    expect(readFileSync(join(letters, name!), 'utf8')).toContain('"timer":{"time":9,"domain":"event"}')
  })
})

describe('deadLetter', () => {
  it('needs an operator with a uid', () => {
    const job = defineJob({
      name: 'nameless',
      build(env) {
        env
          .fromSource(sourceOf([[1]]), { uid: 'numbers' })
          .map((n) => n)
          .onError(deadLetter('file:letters'))
          .sinkTo(collectSink<number>().sink, { uid: 'out' })
      },
    })
    expect(() => job.build({})).toThrow(/the map has dead letters, but no uid/)
  })

  it('writes to a folder or to S3', () => {
    expect(() => deadLetter('console:')).toThrow(/cannot write to "console:"/)
    expect(deadLetter('s3://bucket/letters?region=eu-west-1').sink.describe).toBe('s3://bucket/letters')
  })
})
