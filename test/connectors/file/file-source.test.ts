import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fileSource } from '../../../operators/connectors/file/index.js'
import { collector, enumerate, readAll, readerOf, readToEnd, tempFolder } from '../support.js'

/** Lines by the plainest rule there is: bytes up to each line feed, one carriage return before it left out. */
function linesOf(content: Buffer): { bytes: Buffer; offset: number }[] {
  const lines: { bytes: Buffer; offset: number }[] = []
  let offset = 0
  for (let i = 0; i <= content.length; i++) {
    if (i < content.length && content[i] !== 10) continue
    if (i === content.length && offset === i) break
    const end = i < content.length && i > offset && content[i - 1] === 13 ? i - 1 : i
    lines.push({ bytes: content.subarray(offset, end), offset })
    offset = i + 1
  }
  return lines
}

function fileWith(content: string | Buffer, name = 'in.txt'): string {
  const path = join(tempFolder(), name)
  writeFileSync(path, content)
  return path
}

async function linesFrom(path: string, splitBytes?: number): Promise<string[]> {
  const source = fileSource({ paths: path, ...(splitBytes === undefined ? {} : { splitBytes }) })
  return (await readAll(source)).map((record) => record.text)
}

const pieces = fc.oneof(
  fc.constantFrom('\n', '\r\n', '\r', '', 'a', 'ü', '\ufeff', '{"a":1}'),
  fc.string({ maxLength: 30 }),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
)
const contents = fc
  .array(pieces, { maxLength: 60 })
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))))
  .filter((content) => content[0] !== 0xef && !(content[0] === 0x1f && content[1] === 0x8b))

describe('the lines of a file', () => {
  it('are its bytes between line ends, with their offsets, whatever the bytes', async () => {
    const path = join(tempFolder(), 'in.txt')
    await fc.assert(
      fc.asyncProperty(contents, async (content) => {
        writeFileSync(path, content)
        const records = await readAll(fileSource({ paths: path }))
        const expected = linesOf(content)
        expect(records.map((record) => record.bytes)).toEqual(expected.map((line) => Buffer.from(line.bytes)))
        expect(records.map((record) => record.position)).toEqual(expected.map((line) => `${path}:${line.offset}`))
        expect(records.map((record) => record.text)).toEqual(expected.map((line) => line.bytes.toString('utf8')))
      }),
      { numRuns: 150 },
    )
  })

  it('are each read by exactly one split, however the file is cut', async () => {
    const path = join(tempFolder(), 'in.txt')
    await fc.assert(
      fc.asyncProperty(contents, fc.integer({ min: 1, max: 40 }), async (content, splitBytes) => {
        writeFileSync(path, content)
        const records = await readAll(fileSource({ paths: path, splitBytes }))
        expect(records.map((record) => record.position)).toEqual(
          linesOf(content).map((line) => `${path}:${line.offset}`),
        )
      }),
      { numRuns: 150 },
    )
  })

  it('go on after any stop from the position in the checkpoint', async () => {
    const path = join(tempFolder(), 'in.txt')
    await fc.assert(
      fc.asyncProperty(
        contents,
        fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
        fc.integer({ min: 1, max: 7 }),
        async (content, splitBytes, max) => {
          writeFileSync(path, content)
          const source = fileSource({ paths: path, ...(splitBytes === undefined ? {} : { splitBytes }) })
          const { splits } = await enumerate(source)
          const { open } = readerOf(source)
          const { records, out } = collector()
          for (const { split } of splits) {
            let reader = await open(split)
            for (let status = reader.poll(out, max); status !== 'end'; status = reader.poll(out, max)) {
              if (status === 'wait') await reader.available()
              else {
                const position = reader.position()
                await reader.close?.()
                reader = await open(position)
              }
            }
            await reader.close?.()
          }
          expect(records.map((record) => record.position)).toEqual(
            linesOf(content).map((line) => `${path}:${line.offset}`),
          )
        },
      ),
      { numRuns: 150 },
    )
  })

  it('come through where they cross the chunks that are read ahead', async () => {
    const lines = Array.from(
      { length: 20_000 },
      (_, i) => `${i}:${'x'.repeat((i * 7919) % 211)}${i % 3 === 0 ? 'é' : ''}`,
    )
    const content = Buffer.from(lines.join('\n'))
    expect(content.length).toBeGreaterThan(3 * 512 * 1024)
    const path = fileWith(content)
    expect(await linesFrom(path)).toEqual(lines)
    const positions = (await readAll(fileSource({ paths: path, splitBytes: 700_001 }))).map((record) => record.position)
    expect(positions).toEqual(linesOf(content).map((line) => `${path}:${line.offset}`))
  })

  it('may be 50 MB long', async () => {
    const long = Buffer.alloc(50 * 1024 * 1024, 'y')
    for (let i = 0; i < long.length; i += 1000) long.write(String(i), i)
    const path = fileWith(Buffer.concat([Buffer.from('a\n'), long, Buffer.from('\r\nb')]))
    const [first, middle, last, ...more] = await readAll(fileSource({ paths: path }))
    expect([first?.text, last?.text, more]).toEqual(['a', 'b', []])
    expect(middle?.bytes.equals(long)).toBe(true)
  })

  it('begin behind a byte order mark, also when the first split ends in it', async () => {
    const path = fileWith('\ufeffone\ntwo\n')
    for (const splitBytes of [undefined, 1, 2, 3, 4, 5]) {
      const records = await readAll(fileSource({ paths: path, ...(splitBytes === undefined ? {} : { splitBytes }) }))
      expect(records.map(({ text, position }) => [text, position])).toEqual([
        ['one', `${path}:3`],
        ['two', `${path}:7`],
      ])
    }
  })

  it('are left out when blank, if wished', async () => {
    const path = fileWith('a\n\n \t\r\nb\n  c\n\r\n')
    const records = await readAll(fileSource({ paths: path, skipBlank: true }))
    expect(records.map((record) => record.text)).toEqual(['a', 'b', '  c'])
    expect((await linesFrom(path)).length).toBe(6)
  })

  it('of many files are read with a few files open at a time', async () => {
    const folder = tempFolder()
    for (let i = 0; i < 200; i++) writeFileSync(join(folder, `f${String(i).padStart(3, '0')}`), `${i}a\n${i}b\n`)
    const source = fileSource({ paths: folder })
    const { splits } = await enumerate(source)
    const { open } = readerOf(source)
    const readers = await Promise.all(splits.map(({ split }) => open(split)))
    const { records, out } = collector()
    // All open at once, one record from each in turn, as alignment by event time has it.
    let unfinished = readers
    while (unfinished.length > 0) {
      const next = []
      for (const reader of unfinished) {
        let status = reader.poll(out, 1)
        if (status === 'wait') {
          await reader.available()
          status = reader.poll(out, 1)
        }
        if (status !== 'end') next.push(reader)
      }
      unfinished = next
    }
    for (const reader of readers) await reader.close?.()
    expect(records.map((record) => record.text).sort()).toEqual(
      Array.from({ length: 200 }, (_, i) => [`${i}a`, `${i}b`])
        .flat()
        .sort(),
    )
  })
})

describe('what a path names', () => {
  it('is a file, a folder with all below it but hidden ones, or a glob; sorted, each file once', async () => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'b/c'), { recursive: true })
    mkdirSync(join(folder, '_temporary'))
    for (const name of ['z.txt', 'a.txt', '.hidden', '_part', 'b/c/d.txt', 'b/[x].txt', '_temporary/e.txt']) {
      writeFileSync(join(folder, name), `${name}\n`)
    }
    symlinkSync('..', join(folder, 'b/loop'))
    const named = async (...paths: string[]): Promise<string[]> =>
      (await readAll(fileSource({ paths }))).map((record) => record.text)
    expect(await named(folder)).toEqual(['a.txt', 'b/[x].txt', 'b/c/d.txt', 'z.txt'])
    expect(await named(`${folder}/`)).toHaveLength(4)
    expect(await named(join(folder, '**/*.txt'))).toContain('b/c/d.txt')
    expect(await named(join(folder, '**/*.txt'))).not.toContain('_temporary/e.txt')
    expect(await named(join(folder, '_temporary/*.txt'))).toEqual(['_temporary/e.txt'])
    expect(await named(join(folder, '*.txt'))).toEqual(['a.txt', 'z.txt'])
    expect(await named(join(folder, '{z,a}.txt'))).toEqual(['a.txt', 'z.txt'])
    expect(await named(join(folder, 'b/[x].txt'))).toEqual(['b/[x].txt'])
    expect(await named(join(folder, '_part'))).toEqual(['_part'])
    expect(await named(join(folder, 'z.txt'), join(folder, '*.txt'))).toEqual(['a.txt', 'z.txt'])
  })

  it('is kept as it was given in positions, and relative ones start at the working directory', async () => {
    const path = relative(process.cwd(), fileWith('a\nb\n'))
    expect((await readAll(fileSource({ paths: path }))).map((record) => record.position)).toEqual([
      `${path}:0`,
      `${path}:2`,
    ])
  })

  it('is MILLRACE_INPUT when there is nothing to read', async () => {
    const folder = tempFolder()
    writeFileSync(join(folder, '_hidden'), 'x')
    writeFileSync(join(folder, 'a.gz'), 'x')
    writeFileSync(join(folder, 'zipped'), Buffer.from([0x1f, 0x8b, 8, 0]))
    for (const [path, message] of [
      [join(folder, 'none.txt'), 'no input file found'],
      [join(folder, '*.none'), 'no input file found'],
      [folder + '/x/y', 'no input file found'],
      ['/dev/null', 'is not a regular file'],
      [join(folder, 'a.gz'), 'is compressed with gzip'],
      [join(folder, 'zipped'), 'is compressed with gzip'],
    ] as const) {
      const failure = enumerate(fileSource({ paths: path }))
      await expect(failure).rejects.toMatchObject({ code: 'MILLRACE_INPUT', message: expect.stringContaining(message) })
      await expect(failure).rejects.toMatchObject({ message: expect.stringContaining(path), hint: expect.any(String) })
    }
    rmSync(join(folder, 'a.gz'))
    rmSync(join(folder, 'zipped'))
    await expect(enumerate(fileSource({ paths: folder }))).rejects.toMatchObject({ code: 'MILLRACE_INPUT' })
  })

  it('is given out at the start, all at once, each reader about the same number of bytes', async () => {
    const folder = tempFolder()
    const sizes = [900, 100, 300, 500, 200, 400, 0]
    sizes.forEach((size, i) => writeFileSync(join(folder, `f${i}`), Buffer.alloc(size, 'a')))
    const source = fileSource({ paths: folder })
    const { assigned, noMoreSplits, splits } = await enumerate(source, { parallelism: 3 })
    expect(noMoreSplits).toBe(true)
    expect(splits).toHaveLength(6)
    const loads = [0, 1, 2].map((reader) => assigned.get(reader)!.reduce((sum, { split }) => sum + split.size, 0))
    expect(Math.max(...loads)).toBe(900)
    expect(await enumerate(source, { parallelism: 3 })).toMatchObject({ splits })
  })
})

describe('an input that is not what the checkpoint saw', () => {
  async function checkpointOf(path: string) {
    const source = fileSource({ paths: path })
    const { state, splits } = await enumerate(source)
    return { source, state, splits, restore: () => enumerate(source, { restored: state, assigned: splits }) }
  }

  it('is MILLRACE_INPUT naming the file when it is gone, has shrunk or has other content', async () => {
    const changes: [string, (path: string) => void][] = [
      ['is gone', (path) => rmSync(path)],
      ['has shrunk: 8 bytes when the job started, 5 now', (path) => truncateSync(path, 5)],
      ['has other content', (path) => writeFileSync(path, 'one\nTWO\n')],
      ['has other content', (path) => writeFileSync(path, 'One\ntwo\nand more')],
    ]
    for (const [message, change] of changes) {
      const path = fileWith('one\ntwo\n')
      const { restore, source, splits } = await checkpointOf(path)
      change(path)
      const expected = { code: 'MILLRACE_INPUT', message: expect.stringContaining(message) }
      await expect(restore()).rejects.toMatchObject(expected)
      await expect(restore()).rejects.toMatchObject({ message: expect.stringContaining(path) })
      // The reader sees it too: the file may have changed since the enumerator looked.
      const reader = await readerOf(source).open(splits[0]!.split)
      await expect(reader.available()).rejects.toMatchObject({ code: 'MILLRACE_INPUT' })
      await reader.close?.()
    }
  })

  it('is read to the old size when it has grown, with a warning', async () => {
    const path = fileWith('one\ntwo')
    const { restore, source, splits, state } = await checkpointOf(path)
    appendFileSync(path, '\nthree\n')
    const unread = await restore()
    expect(unread.splits).toEqual([])
    expect(unread.state).toEqual(state)
    expect(unread.noMoreSplits).toBe(true)
    // The reader of the last split warns; the enumerator does when no reader is left to.
    expect(unread.warnings).toEqual([])
    expect((await enumerate(source, { restored: state, assigned: [] })).warnings).toEqual([
      `input ${path} has grown from 7 to 14 bytes: only the first 7 are read`,
    ])
    const { records, out } = collector()
    const { open, warnings } = readerOf(source)
    await readToEnd(await open(splits[0]!.split), out)
    expect(records.map((record) => record.text)).toEqual(['one', 'two'])
    expect(warnings).toEqual([`input ${path} has grown from 7 to 14 bytes: only the first 7 are read`])
  })

  it('does not get files that are new since the job started, and says so', async () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'a'), 'a\n')
    const { restore } = await checkpointOf(folder)
    writeFileSync(join(folder, 'b'), 'b\n')
    const { splits, warnings } = await restore()
    expect(splits).toEqual([])
    expect(warnings).toEqual([expect.stringContaining('1 input files are new')])
  })

  it('fails the reader when it shrinks or is taken away while it is read, and no half record appears', async () => {
    const path = fileWith(Array.from({ length: 200_000 }, (_, i) => `line ${i}\n`).join(''))
    const source = fileSource({ paths: path })
    const { splits } = await enumerate(source)
    const { records, out } = collector()
    const reader = await readerOf(source).open(splits[0]!.split)
    await reader.available()
    reader.poll(out, 10)
    truncateSync(path, 1_500_000)
    await expect(readToEnd(reader, out)).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      message: expect.stringContaining('has shrunk'),
    })
    await reader.close?.()
    expect(records.every(({ text }, i) => text === `line ${i}`)).toBe(true)
    const replaced = await readerOf(source).open(splits[0]!.split)
    renameSync(path, `${path}.old`)
    await expect(replaced.available()).rejects.toMatchObject({ code: 'MILLRACE_INPUT' })
  })
})

describe('options that make no sense', () => {
  it('are MILLRACE_GRAPH', () => {
    for (const options of [
      { paths: [] },
      { paths: 'a', format: 'csv', splitBytes: 10 },
      { paths: 'a', splitBytes: 0 },
      { paths: 'a', splitBytes: 1.5 },
      { paths: 'a', delimiter: ';' },
      { paths: 'a', header: false },
      { paths: 'a', format: 'csv', delimiter: '' },
      { paths: 'a', format: 'csv', delimiter: '::' },
      { paths: 'a', format: 'csv', delimiter: '"' },
      { paths: 'a', format: 'csv', delimiter: '\n' },
      { paths: 'a', format: 'csv', delimiter: 'é' },
    ] as const) {
      expect(() => fileSource(options)).toThrow(expect.objectContaining({ code: 'MILLRACE_GRAPH' }))
    }
  })
})
