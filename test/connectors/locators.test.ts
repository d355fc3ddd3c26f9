import { resolve } from 'node:path'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Locator, parseLocators } from '../../operators/api/locator.js'
import { datagenLines } from '../../operators/connectors/datagen/index.js'
import type { PinnedFile } from '../../operators/connectors/file/index.js'
import { sinkFor } from '../../operators/connectors/sink-for.js'
import { streamFrom, type StreamFromOptions } from '../../operators/connectors/stream-from.js'
import { enumerate, readAll, tempFolder } from './support.js'

function locators(text: string): readonly Locator[] {
  return parseLocators(text)!
}

function refusal(run: () => unknown): { code: string; message: string; hint: string } {
  try {
    run()
  } catch (error) {
    return error as { code: string; message: string; hint: string }
  }
  throw new Error('not refused')
}

describe('streamFrom', () => {
  it('reads the files of a list as one source', async () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'a,b.txt'), 'one\n\ntwo\n')
    writeFileSync(join(folder, 'c.txt'), 'three\n')
    const list = locators(`file:${folder}/a,b.txt,file:${folder}/c.txt`)
    const texts = async (options?: StreamFromOptions): Promise<string[]> =>
      (await readAll(streamFrom(list, options))).map((record) => record.text)
    expect(await texts()).toEqual(['one', '', 'two', 'three'])
    expect(await texts({ skipBlank: true })).toEqual(['one', 'two', 'three'])
  })

  it('takes options from the locator, which win over the job', async () => {
    const folder = tempFolder()
    const path = join(folder, 'in.txt')
    writeFileSync(path, 'a;b\n"1\n2";3\n')
    const records = await readAll(streamFrom(locators(`file:${path}?format=csv&delimiter=%3B`), { format: 'lines' }))
    expect(records.map((record) => record.text)).toEqual(['"1\n2";3'])
    const cut = await enumerate(streamFrom(locators(`file:${path}?splitBytes=4`)))
    expect(cut.splits).toHaveLength(3)
    expect((cut.state as { files: PinnedFile[] }).files).toHaveLength(1)
  })

  it('starts the generator that the job has under a name', async () => {
    const generators = {
      turbines: ({ query }: Locator) => datagenLines({ count: Number(query['count']), line: String }),
    }
    const records = await readAll(streamFrom(locators('datagen:turbines?count=3'), { generators }))
    expect(records.map((record) => record.text)).toEqual(['0', '1', '2'])
    expect(refusal(() => streamFrom(locators('datagen:pumps'), { generators }))).toMatchObject({
      code: 'MILLRACE_PARAM',
      hint: 'this job has: datagen:turbines',
    })
    expect(refusal(() => streamFrom(locators('datagen:constructor'), { generators })).code).toBe('MILLRACE_PARAM')
    expect(refusal(() => streamFrom(locators('datagen:turbines'))).code).toBe('MILLRACE_PARAM')
  })

  it('refuses unknown schemes with the known ones', () => {
    expect(refusal(() => streamFrom(locators('ftp:host/x')))).toMatchObject({
      code: 'MILLRACE_PARAM',
      message: 'ftp:host/x: unknown scheme ftp:',
      hint: 'known schemes: file:, datagen:, kinesis:',
    })
  })

  it('refuses options and lists that make no sense', () => {
    for (const text of [
      'file:',
      'file:a?splitbytes=1',
      'file:a?splitBytes=x',
      'file:a?splitBytes=0',
      'file:a?format=xml',
      'file:a?skipBlank=yes',
      'file:a?delimiter=;',
      'file:a?format=csv&splitBytes=4',
      'file:a,datagen:b',
      'file:a,file:b?format=csv',
      'datagen:a,datagen:b',
    ]) {
      expect(
        refusal(() => streamFrom(locators(text))),
        text,
      ).toMatchObject({ code: 'MILLRACE_PARAM', hint: expect.any(String) })
    }
    expect(refusal(() => streamFrom([])).code).toBe('MILLRACE_PARAM')
  })
})

describe('sinkFor', () => {
  it('makes file and console sinks, and says what each promises', () => {
    const sink = (text: string) => sinkFor(locators(text)[0]!)
    expect(sink('file:out?format=text&rollBytes=1MB')).toMatchObject({
      describe: `file:${resolve('out')}`,
      guarantee: 'exactly-once',
    })
    expect(sink('console')).toMatchObject({ describe: 'console:', guarantee: 'at-least-once' })
    expect(sink('console:stdout')).toMatchObject({ describe: 'console:' })
    expect(sink('console:stderr')).toMatchObject({ describe: 'console:stderr' })
  })

  it('refuses what it does not know', () => {
    expect(refusal(() => sinkFor(locators('ftp:host')[0]!))).toMatchObject({
      code: 'MILLRACE_PARAM',
      hint: 'known schemes: file:, console:, kinesis:, s3:, dynamodb:, sns:, eventbridge:, firehose:',
    })
    for (const text of [
      'file:',
      'file:a?format=csv',
      'file:a?rollBytes=-1',
      'file:a?x=1',
      'console:x',
      'console:?x=1',
    ]) {
      expect(
        refusal(() => sinkFor(locators(text)[0]!)),
        text,
      ).toMatchObject({ code: 'MILLRACE_PARAM' })
    }
  })
})
