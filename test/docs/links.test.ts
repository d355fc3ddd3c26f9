import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readPages, repository, type Page } from './pages.js'

const pages = readPages()

describe('links', () => {
  it.each(pages)('of $path lead somewhere', (page) => {
    expect(linksOf(page).filter((target) => !resolves(page, target))).toEqual([])
  })

  it('every page and picture is linked from another page', () => {
    const linked = new Set(pages.flatMap((page) => linksOf(page).map((target) => pathOf(page, target))))
    const pictures = readdirSync(`${repository}/docs/img`).map((name) => `docs/img/${name}`)
    const paths = [...pages.map(({ path }) => path), ...pictures].filter((path) => path !== 'README.md')
    // The decisions are linked as a folder.
    expect(paths.filter((path) => !linked.has(path) && !linked.has(`${dirname(path)}/`))).toEqual([])
  })

  it('pictures stand alone and say what they show', () => {
    for (const name of readdirSync(`${repository}/docs/img`)) {
      const svg = readFileSync(`${repository}/docs/img/${name}`, 'utf8')
      expect(svg, name).toMatch(/<title id="t">.+<\/title>\s*<desc id="d">/)
      expect(svg.replaceAll('http://www.w3.org/2000/svg', ''), name).not.toMatch(/https?:|<script|<image/)
    }
  })
})

function linksOf({ prose }: Page): string[] {
  const links = prose.flatMap((line) => [...line.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!))
  return links.filter((target) => !/^https?:/.test(target))
}

/** Relative to the repository. */
function pathOf(page: Page, target: string): string {
  const [path = ''] = target.split('#')
  return path === '' ? page.path : normalize(join(dirname(page.path), path))
}

function resolves(page: Page, target: string): boolean {
  const path = pathOf(page, target)
  if (relative('.', path).startsWith('..') || !existsSync(`${repository}/${path}`)) return false
  const anchor = target.split('#')[1]
  if (anchor === undefined) return true
  const other = pages.find((one) => one.path === path)
  return other !== undefined && anchorsOf(other).includes(anchor)
}

/** As GitHub makes them. */
function anchorsOf({ prose }: Page): string[] {
  const headings = prose.filter((line) => /^#+ /.test(line)).map((line) => line.replace(/^#+ /, ''))
  return headings.map((text) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
}
