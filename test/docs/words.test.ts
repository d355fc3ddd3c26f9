import { describe, expect, it } from 'vitest'
import { readPages, type Page } from './pages.js'

/** What the glossary avoids; the rest of each expression is what is meant otherwise. */
const AVOIDED: Readonly<Record<string, RegExp>> = {
  'node (say operator or machine)': /\bnodes?\b/,
  'event (say record)': /\b[Ee]vents?\b(?![ -]?(?:time|timer))/,
  'message (say record)': /\bmessages?\b(?! between threads)/,
  'worker (say subtask or slot)': /\bworkers?\b(?! threads?|$)/,
  instance: /\binstances?\b/i,
  pipeline: /\bpipelines?\b/i,
  master: /\bmasters?\b/i,
  'Manager, Helper, Util, Impl, Abstract': /\b(?:(?<!Secrets )\w*(?:Manager|Helper)|Utils?|\w+Impl|Abstract\w*)\b/,
}

/** Not about Millrace. */
const FOREIGN =
  /\bissues?\b|\bpull requests?\b|(?<!user )\bagents?\b|\bassistants?\b|\bprompts?\b|\bLLMs?\b|\bAI\b|\/work\/|\/tmp\/|\bTODO\b/i

const pages = readPages()
const written = pages.map((page) => ({ ...page, prose: textOf(page) }))

describe('words', () => {
  it.each(written)('$path uses the words of the glossary', ({ path, prose }) => {
    const found = prose.flatMap((line, i) =>
      Object.entries(AVOIDED).flatMap(([word, pattern]) =>
        pattern.test(line) ? [`${path}:${i + 1}: ${word}: ${line}`] : [],
      ),
    )
    expect(found).toEqual([])
  })

  it.each(pages)('$path says of what it is exactly-once', ({ text }) => {
    const paragraphs = text.split(/\n\s*\n/).filter((paragraph) => /exactly-once/i.test(paragraph))
    expect(paragraphs.filter((paragraph) => !/^#|\bsinks?\b|\bstate\b/i.test(paragraph))).toEqual([])
  })

  it.each(pages)('$path is about Millrace only', ({ path, text }) => {
    const lines = text.split('\n').map((line, i) => `${path}:${i + 1}: ${line}`)
    expect(lines.filter((line) => FOREIGN.test(line.slice(path.length)))).toEqual([])
  })
})

/** The lines of a page without code in backquotes, link targets and what the glossary says of the words themselves. */
function textOf({ path, prose }: Page): string[] {
  const end = path === 'docs/glossary.md' ? prose.indexOf('## Words we avoid') : prose.length
  return prose.slice(0, end).map((line) => line.replace(/`[^`]*`/g, '').replace(/\]\([^)]*\)/g, ']'))
}
