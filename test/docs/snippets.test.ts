import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { blocksOf, readPages, repository, type Block } from './pages.js'

const snippets = blocksOf(readPages(), 'ts')

/** Where the snippets would lie: from here `millrace` is the built package, and what it is tested with is found too. */
const fileOf = (index: number): string => `${repository}/test/docs/snippet-${index}.ts`

/** A whole file stands for itself; other snippets, and those `<!-- with given -->`, get what the page says is given. */
function sourceOf({ code, given, note }: Block): string {
  if (note === 'with given') return `${given}\n${code}`
  return /^import /m.test(code) ? code : `${given}\nexport {}\n${code}`
}

const diagnostics = typeCheck(new Map(snippets.map((block, index) => [fileOf(index), sourceOf(block)])))

describe('TypeScript in the documentation compiles against the built package', () => {
  it('there are snippets', () => {
    expect(snippets.length).toBeGreaterThan(10)
  })

  it.each(snippets.map((block, index) => ({ place: block.place, index })))('$place', ({ index }) => {
    expect(diagnostics.get(fileOf(index)) ?? []).toEqual([])
  })

  it('a snippet that is wrong is noticed', () => {
    const wrong = new Map([[fileOf(0), "import { tumbling } from 'millrace'\ntumbling({ size: 1 })"]])
    expect(typeCheck(wrong).get(fileOf(0))).toHaveLength(1)
  })
})

/** What is wrong with each of these files, all under the repository's own compiler options. */
function typeCheck(files: ReadonlyMap<string, string>): Map<string, string[]> {
  const { config } = ts.readConfigFile(`${repository}/tsconfig.base.json`, (path) => ts.sys.readFile(path))
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, repository)
  const host = ts.createCompilerHost({ ...options, noEmit: true })
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.readFile = (path) => files.get(path) ?? readFile(path)
  host.getSourceFile = (path, target, ...rest) => {
    const text = files.get(path)
    return text === undefined
      ? getSourceFile.call(host, path, target, ...rest)
      : ts.createSourceFile(path, text, target)
  }
  const program = ts.createProgram([...files.keys()], { ...options, noEmit: true }, host)
  const found = new Map<string, string[]>()
  for (const path of files.keys()) {
    const file = program.getSourceFile(path)
    for (const { messageText, start = 0 } of ts.getPreEmitDiagnostics(program, file)) {
      const line = file!.getLineAndCharacterOfPosition(start).line + 1
      const text = ts.flattenDiagnosticMessageText(messageText, ' ')
      found.set(path, [...(found.get(path) ?? []), `${line}: ${text}`])
    }
  }
  return found
}
