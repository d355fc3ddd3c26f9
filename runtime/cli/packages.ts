import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

interface PackageFile {
  readonly type?: unknown
  readonly dependencies?: Readonly<Record<string, unknown>>
  readonly peerDependencies?: Readonly<Record<string, unknown>>
}

/** The folder of the nearest package.json, from `folder` up; undefined outside any package. */
export function packageFolder(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return at
    if (dirname(at) === at) return undefined
  }
}

/** Where Node finds the package of a specifier from a file in `folder`, as a real path; undefined if it does not. */
export function findPackage(specifier: string, folder: string): string | undefined {
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0]
  if (name === undefined) return undefined
  for (let at = folder; ; at = dirname(at)) {
    const found = join(at, 'node_modules', name)
    if (existsSync(found)) return realpathSync(found)
    if (dirname(at) === at) return undefined
  }
}

/** Whether the package in `folder` is built on Millrace: its imports must get the running copy too. */
export function buildsOnMillrace(folder: string): boolean {
  const { dependencies = {}, peerDependencies = {} } = readPackage(folder)
  return 'millrace' in dependencies || 'millrace' in peerDependencies
}

/** Whether Node takes the file for CommonJS. Only a `.js` file without a word of ES modules counts: TypeScript is always bundled. */
export function isCommonJs(path: string): boolean {
  if (path.endsWith('.cjs')) return true
  if (!path.endsWith('.js')) return false
  const folder = packageFolder(dirname(path))
  if (folder !== undefined && readPackage(folder).type === 'module') return false
  return !/^\s*(?:import|export)\b/m.test(readFileSync(path, 'utf8'))
}

function readPackage(folder: string): PackageFile {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageFile
  } catch {
    return {}
  }
}
