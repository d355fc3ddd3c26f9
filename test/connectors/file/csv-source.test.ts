import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fileSource, type FileSourceOptions } from '../../../operators/connectors/file/index.js'
import { csv } from '../../../operators/formats/csv.js'
import type { Decoder, RawRecord } from '../../../runtime/contract/source.js'
import { enumerate, readerOf, tempFolder } from '../support.js'

interface Decoded {
  readonly values: unknown[]
  readonly invalid: string[]
  readonly positions: string[]
}

/** Decodes all of a file, restarting from the position whenever `restartEvery` records have come. */
async function decodeFile(
  path: string,
  options: Partial<FileSourceOptions> = {},
  decoder: Decoder<RawRecord, unknown> = csv(),
  restartEvery = Infinity,
): Promise<Decoded> {
  const source = fileSource({ paths: path, format: 'csv', ...options })
  const { splits } = await enumerate(source)
  const { open } = readerOf(source)
  const decoded: Decoded = { values: [], invalid: [], positions: [] }
  const out = {
    emit: (value: unknown) => decoded.values.push(value),
    invalid: (reason: string) => decoded.invalid.push(reason),
  }
  for (const { split } of splits) {
    let reader = await open(split)
    while (true) {
      const status = reader.poll(
        {
          collect: (raw) => {
            decoded.positions.push(raw.position())
            decoder.decode(raw, out)
          },
        },
        Math.min(restartEvery, 100),
      )
      if (status === 'end') break
      if (status === 'wait') await reader.available()
      else if (restartEvery < Infinity) {
        const position = reader.position()
        await reader.close?.()
        reader = await open(position)
      }
    }
    await reader.close?.()
  }
  return decoded
}

function fileWith(content: string): string {
  const path = join(tempFolder(), 'in.csv')
  writeFileSync(path, content)
  return path
}

const field = fc.oneof(
  fc.constantFrom('', 'a', ' b ', 'x,y', 'line\nbreak', 'line\r\nbreak', 'say "hi"', '"', '""', 'é😀'),
  fc.string({ maxLength: 10 }).map((text) => text.replaceAll('\r', '')),
)
const tables = fc.integer({ min: 1, max: 4 }).chain((width) =>
  fc.record({
    rows: fc.array(fc.array(field, { minLength: width, maxLength: width }), { maxLength: 12 }),
    width: fc.constant(width),
    always: fc.boolean(),
    lineEnd: fc.constantFrom('\n', '\r\n'),
    lastEnd: fc.boolean(),
    mark: fc.boolean(),
    max: fc.integer({ min: 1, max: 5 }),
  }),
)

function quoted(text: string, always: boolean): string {
  return always || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

describe('CSV records', () => {
  it('are objects by the header, the same as csv-parse gives, also after stops anywhere', async () => {
    const path = join(tempFolder(), 'in.csv')
    await fc.assert(
      fc.asyncProperty(tables, async ({ rows, width, always, lineEnd, lastEnd, mark, max }) => {
        const header = Array.from({ length: width }, (_, i) => `column ${i}`)
        const text = [header, ...rows].map((row) => row.map((cell) => quoted(cell, always)).join(',')).join(lineEnd)
        const content = (mark ? '\ufeff' : '') + text + (lastEnd ? lineEnd : '')
        writeFileSync(path, content)
        const expected: unknown[] = parse(content, { columns: true, bom: true, skip_empty_lines: true })
        const { values, invalid, positions } = await decodeFile(path, {}, csv(), max)
        expect(invalid).toEqual([])
        expect(values).toEqual(expected)
        const bytes = Buffer.from(content)
        for (const position of positions) {
          const offset = Number(position.slice(path.length + 1))
          expect(bytes[offset - 1]).toBe(10)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('come through where they cross the chunks that are read ahead', async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => ({
      id: String(i),
      text: i % 2 === 0 ? `plain ${'x'.repeat(i % 97)}` : `quoted, "${'y'.repeat(i % 89)}"\nline ${i}`,
    }))
    const content = ['id,text', ...rows.map(({ id, text }) => `${id},${quoted(text, false)}`)].join('\n')
    expect(content.length).toBeGreaterThan(3 * 512 * 1024)
    expect((await decodeFile(fileWith(content))).values).toEqual(rows)
  })

  it('take another delimiter, and column names from the job where the file has no header', async () => {
    const columns = csv(undefined, { columns: ['a', 'b'] })
    expect((await decodeFile(fileWith('1;"2;3"\n4;5,6'), { delimiter: ';', header: false }, columns)).values).toEqual([
      { a: '1', b: '2;3' },
      { a: '4', b: '5,6' },
    ])
  })

  it('that are broken are invalid, and the ones around them are not', async () => {
    const { values, invalid } = await decodeFile(fileWith('a,b\n1,2\n3\n4,5,6\n"7"x,8\n9,ten "10"\n11,"12\n13,14\n'))
    expect(values).toEqual([
      { a: '1', b: '2' },
      { a: '9', b: 'ten "10"' },
    ])
    expect(invalid).toEqual([
      'csv: 1 fields, not 2',
      'csv: 3 fields, not 2',
      'csv: text after a closing quote',
      'csv: a quoted field is not closed',
    ])
  })

  it('keep a column called __proto__', async () => {
    const { values } = await decodeFile(fileWith('__proto__,constructor\n1,2\n'))
    expect(Object.entries(values[0] as object)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ])
  })

  it('without a readable header are MILLRACE_INPUT', async () => {
    for (const content of ['a,a\n1,2\n', 'a,"b\n1,2\n', 'a,"b"c\n']) {
      await expect(decodeFile(fileWith(content))).rejects.toMatchObject({
        code: 'MILLRACE_INPUT',
        message: expect.stringContaining('header'),
      })
    }
    await expect(decodeFile(fileWith('1,2\n'), { header: false })).rejects.toMatchObject({ code: 'MILLRACE_INPUT' })
  })
})
