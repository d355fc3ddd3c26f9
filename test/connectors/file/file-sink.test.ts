import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  fileSink,
  type FileSinkOptions,
  type PartCommittable,
  textLines,
} from '../../../operators/connectors/file/index.js'
import { PartFile } from '../../../operators/connectors/file/part-file.js'
import type { SinkCommitter, SinkWriter, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { LocalMetrics } from '../../../runtime/metrics/local-metrics.js'
import { HandClock, tempFolder } from '../support.js'

const base: SinkWriterContext = {
  uid: 'alerts',
  jobId: 'job',
  runId: 'run-1',
  subtask: 0,
  parallelism: 2,
  attempt: 1,
  epoch: 1,
  clock: new HandClock(),
  metrics: new LocalMetrics(),
  print: () => undefined,
  warn: () => undefined,
  reject: () => undefined,
}

type Context = Partial<SinkWriterContext>

async function writerOf(
  options: FileSinkOptions<unknown>,
  context: Context = {},
): Promise<SinkWriter<unknown, PartCommittable>> {
  return fileSink(options).createWriter({ ...base, ...context })
}

function committerOf(
  directory: string,
  context: Context = {},
): { committer: SinkCommitter<PartCommittable>; warnings: string[] } {
  const warnings: string[] = []
  const ctx = { ...base, ...context, warn: (message: string) => warnings.push(message) }
  return { committer: fileSink({ directory }).createCommitter!(ctx), warnings }
}

/** What others see: every file that is not hidden. */
function visible(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => !/^[._]/.test(name))
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]))
}

function visibleLines(directory: string): string[] {
  return Object.values(visible(directory)).join('').split('\n').slice(0, -1).sort()
}

function hidden(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith('.'))
}

async function checkpoint(
  writer: SinkWriter<unknown, PartCommittable>,
  id: number,
): Promise<readonly PartCommittable[]> {
  await writer.flush(id)
  return JSON.parse(JSON.stringify(writer.prepareCommit!(id))) as PartCommittable[]
}

describe('a part', () => {
  it('is hidden until it is committed, then there whole, under a name with run, uid, subtask and checkpoint', async () => {
    const directory = join(tempFolder(), 'not/yet/there')
    const writer = await writerOf({ directory }, { subtask: 3 })
    const { committer } = committerOf(directory)
    await committer.recover!({ fresh: true })
    writer.write({ a: 1 }, 0)
    writer.write({ b: 'é\n' }, 0)
    const committables = await checkpoint(writer, 7)
    expect(visible(directory)).toEqual({})
    expect(committables).toMatchObject([{ bytes: 21, lines: 2 }])
    await committer.commit(committables)
    expect(visible(directory)).toEqual({ 'part-run.1-alerts-3-7-e1a1s0.jsonl': '{"a":1}\n{"b":"é\\n"}\n' })
    expect(hidden(directory)).toEqual([])
    await writer.close?.()
  })

  it('is not made for an interval without records', async () => {
    const directory = tempFolder()
    const writer = await writerOf({ directory })
    expect(await checkpoint(writer, 1)).toEqual([])
    writer.write(1, 0)
    expect(await checkpoint(writer, 2)).toHaveLength(1)
    expect(await checkpoint(writer, 3)).toEqual([])
    await writer.close?.()
    expect(readdirSync(directory)).toHaveLength(1)
  })

  it('ends when it has reached its size, and all of a checkpoint are published', async () => {
    const directory = tempFolder()
    const writer = await writerOf({ directory, rollBytes: 1000 })
    const lines = Array.from({ length: 500 }, (_, i) => ({ i }))
    for (const line of lines) {
      writer.write(line, 0)
      await writer.busy?.()
    }
    const committables = await checkpoint(writer, 1)
    expect(committables.length).toBeGreaterThan(4)
    await committerOf(directory).committer.commit(committables)
    expect(visibleLines(directory)).toEqual(lines.map((line) => JSON.stringify(line)).sort())
    expect(committables.reduce((sum, part) => sum + part.lines, 0)).toBe(500)
  })

  it('holds long and many lines exactly', async () => {
    const directory = tempFolder()
    const writer = await writerOf({ directory, format: textLines() })
    const lines: string[] = []
    for (let i = 0; i < 3000; i++) lines.push(`${i} ${'é😀x'.repeat((i * 31) % 300)}`)
    lines.push('z'.repeat(3_000_000), '', 'end')
    for (const line of lines) {
      writer.write(line, 0)
      await writer.busy?.()
    }
    writer.write(Buffer.from([0xff, 0x61]), 0)
    const committables = await checkpoint(writer, 1)
    await committerOf(directory).committer.commit(committables)
    const name = Object.keys(visible(directory))[0]!
    expect(name).toMatch(/\.txt$/)
    const expected = Buffer.concat([Buffer.from(`${lines.join('\n')}\n`), Buffer.from([0xff, 0x61, 10])])
    expect(readFileSync(join(directory, name)).equals(expected)).toBe(true)
    expect(committables[0]).toMatchObject({ bytes: expected.length, lines: lines.length + 1 })
  })

  it('gets only what was written before the barrier, though the flush takes its time', async () => {
    const directory = tempFolder()
    const writer = await writerOf({ directory, rollBytes: 1 })
    writer.write('before', 0)
    const flushing = writer.flush(1)
    writer.write('after', 0)
    await flushing
    await committerOf(directory).committer.commit(writer.prepareCommit!(1))
    expect(visibleLines(directory)).toEqual(['"before"'])
    await writer.flush(2)
    await committerOf(directory).committer.commit(writer.prepareCommit!(2))
    expect(visibleLines(directory)).toEqual(['"after"', '"before"'])
  })

  it('has a name of its own whatever run, uid, subtask, epoch and attempt', async () => {
    const directory = tempFolder()
    const contexts: Context[] = []
    for (const runId of ['a', 'a-b', 'a.b'])
      for (const uid of ['c', 'b-c', 'c-0', '../x', '__proto__', 'ü'.repeat(100), 'ü'.repeat(101)])
        for (const subtask of [0, 1]) contexts.push({ runId, uid, subtask })
    contexts.push({ epoch: 2 }, { attempt: 2 }, { epoch: 1, attempt: 12 }, { epoch: 11, attempt: 2 })
    for (const context of contexts) {
      const writer = await writerOf({ directory }, context)
      writer.write(context, 0)
      await committerOf(directory, context).committer.commit(await checkpoint(writer, 1))
    }
    expect(visibleLines(directory)).toEqual(contexts.map((context) => JSON.stringify(context)).sort())
  })
})

describe('a value that cannot be one line', () => {
  it('is MILLRACE_VALUE', async () => {
    const directory = tempFolder()
    const loop: { self?: unknown } = {}
    loop.self = loop
    const json = await writerOf({ directory })
    for (const value of [undefined, 1n, { deep: [1n] }, loop, () => 1]) {
      expect(() => json.write(value, 0)).toThrow(expect.objectContaining({ code: 'MILLRACE_VALUE' }))
    }
    const text = await writerOf({ directory, format: textLines() })
    for (const value of ['a\nb', '\ud800', Buffer.from('a\nb'), 5, { a: 1 }]) {
      expect(() => text.write(value, 0)).toThrow(expect.objectContaining({ code: 'MILLRACE_VALUE' }))
    }
    await json.flush(1)
    expect(readdirSync(directory)).toEqual([])
  })
})

/** What `kill -9` leaves of a commit of two parts, after each of its steps. */
const crashes: readonly { after: string; steps: (directory: string, parts: readonly PartCommittable[]) => void }[] = [
  { after: 'nothing', steps: () => undefined },
  { after: 'the first link', steps: (directory, parts) => linked(directory, parts.slice(0, 1)) },
  { after: 'all links', steps: linked },
  {
    after: 'the first hidden name is gone',
    steps: (directory, parts) => {
      linked(directory, parts)
      rmSync(join(directory, parts[0]!.hidden))
    },
  },
  {
    after: 'everything',
    steps: (directory, parts) => {
      linked(directory, parts)
      for (const { hidden } of parts) rmSync(join(directory, hidden))
    },
  },
]

function linked(directory: string, parts: readonly PartCommittable[]): void {
  for (const { hidden, published } of parts) linkSync(join(directory, hidden), join(directory, published))
}

describe('a process that is killed', () => {
  for (const { after, steps } of crashes) {
    it(`in a commit, after ${after}: the next attempt publishes each line once`, async () => {
      const directory = tempFolder()
      const writers = [await writerOf({ directory }), await writerOf({ directory }, { subtask: 1 })]
      writers[0]!.write('one', 0)
      writers[1]!.write('two', 0)
      const parts = [...(await checkpoint(writers[0]!, 1)), ...(await checkpoint(writers[1]!, 1))]
      // Behind the checkpoint: lost with the process, and made again by the next.
      writers[0]!.write('three', 0)
      await writers[0]!.flush(2)
      steps(directory, parts)

      for (const epoch of [2, 3]) {
        const { committer, warnings } = committerOf(directory, { epoch })
        await committer.commit(parts)
        await committer.recover!({ fresh: false })
        expect(visibleLines(directory)).toEqual(['"one"', '"two"'])
        expect(hidden(directory)).toEqual([])
        expect(warnings).toEqual([])
      }
      const again = await writerOf({ directory }, { epoch: 3, attempt: 2 })
      again.write('three', 0)
      await committerOf(directory, { epoch: 3 }).committer.commit(await checkpoint(again, 2))
      expect(visibleLines(directory)).toEqual(['"one"', '"three"', '"two"'])
    })
  }

  it('before the checkpoint is complete: nothing of it is ever seen', async () => {
    const directory = tempFolder()
    const unflushed = await writerOf({ directory })
    for (let i = 0; i < 50_000; i++) unflushed.write({ i }, 0)
    await unflushed.busy?.()
    const flushed = await writerOf({ directory }, { subtask: 1 })
    flushed.write('lost', 0)
    await flushed.flush(1)
    expect(visible(directory)).toEqual({})
    await committerOf(directory, { epoch: 2 }).committer.recover!({ fresh: false })
    expect(readdirSync(directory)).toEqual([])
    await unflushed.close?.()
  })

  it('and one that goes on: parts of a newer epoch, other runs, other uids and other files stay', async () => {
    const directory = tempFolder()
    const others = [{ epoch: 3 }, { runId: 'run' }, { runId: 'run-1-alerts' }, { uid: 'alerts-0' }, { uid: 'alert' }]
    for (const context of others) {
      const writer = await writerOf({ directory }, context)
      writer.write(1, 0)
      await writer.flush(1)
    }
    writeFileSync(join(directory, '.part-run.1-alerts-0-notes'), 'mine')
    const before = readdirSync(directory)
    expect(before).toHaveLength(others.length + 1)
    const own = await writerOf({ directory })
    own.write(1, 0)
    await own.flush(1)
    await committerOf(directory, { epoch: 2 }).committer.recover!({ fresh: false })
    expect(readdirSync(directory)).toEqual(before)
  })

  it('and restarted in the same process: both attempts write to files of their own', async () => {
    const directory = tempFolder()
    const old = await writerOf({ directory })
    old.write('old', 0)
    const next = await writerOf({ directory }, { attempt: 2 })
    next.write('new', 0)
    const committables = await checkpoint(next, 5)
    await old.flush(5)
    const { committer } = committerOf(directory)
    await committer.commit(committables)
    await committer.recover!({ fresh: false })
    expect(visibleLines(directory)).toEqual(['"new"'])
    expect(hidden(directory)).toEqual([])
  })
})

describe('a process that was taken over in a commit', () => {
  it('and the one that goes on publish the same parts at once: each comes out once, and neither fails', async () => {
    const directory = tempFolder()
    const writer = await writerOf({ directory, rollBytes: 1 })
    for (let i = 0; i < 50; i++) writer.write(i, 0)
    const parts = await checkpoint(writer, 1)
    const others = [1, 2, 3].map((epoch) => committerOf(directory, { epoch }).committer)
    await Promise.all(others.map((committer) => committer.commit(parts)))
    expect(parts).toHaveLength(50)
    expect(Object.keys(visible(directory)).sort()).toEqual(parts.map(({ published }) => published).sort())
    expect(visibleLines(directory)).toEqual(Array.from({ length: 50 }, (_, i) => String(i)).sort())
    expect(hidden(directory)).toEqual([])
    await writer.close?.()
  })
})

describe('a writer that is closed', () => {
  it('takes away what no barrier has completed, and nothing else', async () => {
    const directory = tempFolder()
    const writer = await writerOf({ directory, rollBytes: 100 })
    writer.write('flushed', 0)
    const committables = await checkpoint(writer, 1)
    for (let i = 0; i < 100; i++) writer.write({ i }, 0)
    await writer.close?.()
    expect(hidden(directory)).toEqual([committables[0]!.hidden])
    await committerOf(directory).committer.commit(committables)
    expect(visibleLines(directory)).toEqual(['"flushed"'])
  })
})

describe('a committable that cannot be published', () => {
  async function onePart() {
    const directory = tempFolder()
    const writer = await writerOf({ directory })
    writer.write('line', 0)
    const committables = await checkpoint(writer, 1)
    const { hidden, published } = committables[0]!
    const { committer } = committerOf(directory)
    return {
      commit: () => committer.commit(committables),
      hidden: join(directory, hidden),
      published: join(directory, published),
    }
  }

  it('is MILLRACE_OUTPUT naming the file when it is gone', async () => {
    const { commit, hidden, published } = await onePart()
    rmSync(hidden)
    await expect(commit()).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: expect.stringContaining(published),
    })
  })

  it('is MILLRACE_OUTPUT when its file, hidden or published, has another size', async () => {
    const { commit, hidden, published } = await onePart()
    const first = readFileSync(hidden)
    truncateSync(hidden, 3)
    await expect(commit()).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: expect.stringContaining('3 bytes, not the 7'),
    })
    expect(existsSync(published)).toBe(false)
    writeFileSync(hidden, first)
    await commit()
    await commit()
    writeFileSync(published, 'somewhat longer')
    await expect(commit()).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: expect.stringContaining(published),
    })
  })

  it('never overwrites a file that has its name', async () => {
    const { commit, published } = await onePart()
    writeFileSync(published, 'theirs')
    await expect(commit()).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: expect.stringContaining('exists already'),
    })
    expect(readFileSync(published, 'utf8')).toBe('theirs')
  })
})

describe('a fresh start', () => {
  it('says in one line that the folder has parts of other runs, and leaves them', async () => {
    const directory = tempFolder()
    for (const [runId, uid] of [
      ['older-run', 'alerts'],
      ['older-run', 'late-alerts'],
      ['run-1', 'late'],
    ] as const) {
      const writer = await writerOf({ directory }, { runId, uid })
      writer.write(runId, 0)
      await committerOf(directory, { runId, uid }).committer.commit(await checkpoint(writer, 1))
    }
    const before = visible(directory)
    const { committer, warnings } = committerOf(directory)
    await committer.recover!({ fresh: false })
    expect(warnings).toEqual([])
    await committer.recover!({ fresh: true })
    expect(warnings).toEqual([expect.stringContaining('already holds 2 parts of other runs')])
    expect(visible(directory)).toEqual(before)
  })
})

describe('a folder that cannot be written', () => {
  it('is MILLRACE_OUTPUT naming it, from writer and committer', async () => {
    const folder = tempFolder()
    const file = join(folder, 'file')
    writeFileSync(file, 'x')
    const places = [file, join(file, 'below'), '/proc/millrace/out']
    if (process.getuid?.() !== 0) {
      const closed = join(folder, 'closed')
      mkdirSync(closed)
      chmodSync(closed, 0o555)
      places.push(join(closed, 'out'))
    }
    for (const directory of places) {
      const expected = {
        code: 'MILLRACE_OUTPUT',
        message: expect.stringContaining(directory),
        hint: expect.any(String),
      }
      await expect(writerOf({ directory })).rejects.toMatchObject(expected)
      await expect(committerOf(directory).committer.recover!({ fresh: true })).rejects.toMatchObject(expected)
    }
  })

  it('any more is MILLRACE_OUTPUT at the barrier, and nothing is seen', async () => {
    const directory = join(tempFolder(), 'out')
    const writer = await writerOf({ directory })
    rmSync(directory, { recursive: true })
    writer.write('line', 0)
    await expect(writer.flush(1)).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: expect.stringContaining(directory),
    })
    await writer.close?.()
  })

  it('in one place only fails the barrier that needs that part', async () => {
    const directory = tempFolder()
    mkdirSync(join(directory, '.part-run.1-alerts-0-e1a1s1.inprogress'))
    const writer = await writerOf({ directory, rollBytes: 1 })
    for (const line of ['first', 'second', 'third']) writer.write(line, 0)
    await expect(writer.flush(1)).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: expect.stringContaining('s1.inprogress'),
    })
    expect(writer.prepareCommit!(1)).toEqual([])
    await writer.close?.()
    expect(readdirSync(directory)).toEqual(['.part-run.1-alerts-0-e1a1s1.inprogress'])
  })

  it.runIf(existsSync('/dev/full'))('because the disk is full fails the part, whether small or large', async () => {
    for (const lines of [1, 100_000]) {
      const part = new PartFile(() => open('/dev/full', 'w'))
      for (let i = 0; i < lines; i++) part.append('a line of some length')
      await expect(part.finish()).rejects.toMatchObject({ code: 'ENOSPC' })
    }
  })
})

describe('wrong options', () => {
  it('are MILLRACE_GRAPH', () => {
    for (const options of [
      { directory: '' },
      { directory: 'a', prefix: '_x' },
      { directory: 'a', prefix: '.x' },
      { directory: 'a', prefix: 'a/b' },
      { directory: 'a', rollBytes: 0 },
    ]) {
      expect(() => fileSink(options)).toThrow(expect.objectContaining({ code: 'MILLRACE_GRAPH' }))
    }
  })
})
