// What the documentation says, taken apart: code blocks, prose, tables.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const repository: string = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** A code block. */
export interface Block {
  /** `README.md:12`: its first line of code. */
  readonly place: string
  readonly language: string
  readonly code: string
  /** What a comment directly above says: `<!-- run --param a=b -->` is `run --param a=b`. */
  readonly note: string
  /** The last `<!-- given ... -->` above: declarations that readers need not see. */
  readonly given: string
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
  /** The page's lines; those of code blocks and comments are empty. */
  readonly prose: readonly string[]
}

/** README, CHANGELOG and all of docs/. */
export function readPages(): Page[] {
  const docs = readdirSync(`${repository}/docs`, { recursive: true, encoding: 'utf8' })
  const paths = docs.filter((path) => path.endsWith('.md')).map((path) => `docs/${path}`)
  return ['README.md', 'CHANGELOG.md', ...paths.sort()].map((path) =>
    parsePage(path, readFileSync(`${repository}/${path}`, 'utf8')),
  )
}

/** All code blocks of a language. */
export function blocksOf(pages: readonly Page[], language: string): Block[] {
  return pages.flatMap((page) => page.blocks.filter((block) => block.language === language))
}

export function parsePage(path: string, text: string): Page {
  const lines = text.split('\n')
  const prose = [...lines]
  const blocks: Block[] = []
  let [note, given] = ['', '']
  const hide = (from: number, to: number): void => void prose.fill('', from, to + 1)
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    if (line.startsWith('<!--')) {
      const end = lines.findIndex((other, at) => at >= i && other.includes('-->'))
      const comment = lines
        .slice(i, end + 1)
        .join('\n')
        .slice('<!--'.length, -'-->'.length)
        .trim()
      if (comment.startsWith('given\n')) given = comment.slice('given\n'.length)
      else note = comment
      hide(i, end)
      i = end
    } else if (line.startsWith('```')) {
      const end = lines.indexOf('```', i + 1)
      const code = lines.slice(i + 1, end).join('\n')
      blocks.push({ place: `${path}:${i + 2}`, language: line.slice(3), code, note, given })
      note = ''
      hide(i, end)
      i = end
    } else if (line.trim() !== '') note = ''
  }
  return { path, text, blocks, prose }
}

/** The rows of the table under `<!-- name -->`. */
export function tableUnder(page: Page, name: string): string[] {
  const lines = page.text.split('\n')
  const from = lines.indexOf(`<!-- ${name} -->`) + 1
  const end = lines.findIndex((line, at) => at >= from && !line.startsWith('|'))
  return from === 0 ? [] : lines.slice(from, end)
}
