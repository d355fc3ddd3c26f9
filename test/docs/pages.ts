// What the documentation says, taken apart: pages, code blocks, links, prose.
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const repository: string = fileURLToPath(new URL('../..', import.meta.url))

/** A code block. */
export interface Block {
  readonly page: string
  /** Of its first line of code, from 1. */
  readonly line: number
  readonly language: string
  readonly code: string
  /** What the comment above it says: `<!-- run --param a=b -->` is `run --param a=b`. */
  readonly note: string
  /** The last `<!-- given ... -->` before it: declarations that readers need not see. */
  readonly given: string
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
  /** Lines outside of code blocks and comments, others empty. */
  readonly prose: readonly string[]
}

export function readPages(): Page[] {
  return pagePaths().map((path) => parsePage(path, readFileSync(`${repository}/${path}`, 'utf8')))
}

function pagePaths(): string[] {
  return ['README.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: repository }).sort()]
}

export function parsePage(path: string, text: string): Page {
  const lines = text.split('\n')
  const blocks: Block[] = []
  const prose: string[] = []
  let [note, given] = ['', '']
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    const fence = /^```(\w*)$/.exec(line)
    if (fence !== null) {
      const end = lines.indexOf('```', i + 1)
      if (end < 0) throw new Error(`${path}:${i + 1}: a code block without an end`)
      blocks.push({ page: path, line: i + 2, language: fence[1]!, code: lines.slice(i + 1, end).join('\n'), note, given })
      for (; i < end; i++) prose.push('')
      note = ''
    } else if (line.startsWith('<!--')) {
      let comment = line
      prose.push('')
      while (!comment.includes('-->')) {
        comment += `\n${lines[++i]!}`
        prose.push('')
      }
      prose.pop()
      const content = comment.replace(/^<!--|-->[^]*$/g, '').trim()
      if (content.startsWith('given\n')) given = content.slice('given\n'.length)
      else note = content
    } else if (line.trim() !== '') note = ''
    prose.push(/^```|^<!--/.test(line) ? '' : line)
  }
  return { path, text, blocks, prose }
}

/** The lines between `<!-- name -->` and the next blank line or comment that follows the table. */
export function sectionAfter(page: Page, comment: string): string[] {
  const lines = page.text.split('\n')
  const from = lines.indexOf(`<!-- ${comment} -->`)
  if (from < 0) throw new Error(`${page.path} has no <!-- ${comment} -->`)
  const rest = lines.slice(from + 1)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return rest.slice(0, end < 0 ? rest.length : end)
}
