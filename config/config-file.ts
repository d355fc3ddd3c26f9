import { readFileSync, statSync } from 'node:fs'
import { MillraceError } from '../runtime/contract/errors.js'
import { fileName, OPTIONS } from './options.js'
import { readPropertyGroups, type PropertyGroups } from './property-groups.js'

/** What a config file says: option texts by their name there, and parameters. */
export interface ConfigFile {
  readonly path: string
  readonly options: Readonly<Record<string, string>>
  readonly params: Readonly<Record<string, string>>
  readonly groups?: PropertyGroups
}

/**
 * Reads a JSON file with options in camelCase, `params` and `propertyGroups`, or with property groups alone. What it can't use is
 * MILLRACE_USAGE naming the file and the key: nothing in it is ignored.
 */
export function readConfigFile(path: string): ConfigFile {
  const content = parseContent(path, readText(path))
  if (Array.isArray(content)) return { path, options: {}, params: {}, groups: readPropertyGroups(path, content) }
  const options: Record<string, string> = {}
  const params: [string, string][] = []
  let groups: PropertyGroups | undefined
  for (const [key, value] of Object.entries(content)) {
    if (key === 'params') {
      if (!isObject(value)) throw refusal(path, '"params" is not an object', 'write "params": { "name": "value" }')
      for (const [name, given] of Object.entries(value)) params.push([name, scalar(path, `params.${name}`, given)])
      continue
    }
    if (key === 'propertyGroups') {
      groups = readPropertyGroups(path, value)
      continue
    }
    const known = Object.values(OPTIONS).filter((spec) => !spec.notInFile)
    if (!known.some((spec) => fileName(spec) === key)) throw unknownKey(path, key, known.map(fileName))
    options[key] = scalar(path, key, value)
  }
  return { path, options, params: Object.fromEntries(params), ...(groups === undefined ? {} : { groups }) }
}

function readText(path: string): string {
  try {
    if (statSync(path).isDirectory()) throw refusal(path, 'it is a folder', 'name a JSON file')
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof MillraceError) throw error
    const code = (error as { code?: string }).code
    const reason = code === 'ENOENT' ? 'it does not exist' : code === 'EACCES' ? 'permission denied' : String(error)
    throw refusal(
      path,
      reason,
      'check the path (--config or MILLRACE_CONFIG); a relative one starts at the working directory',
    )
  }
}

function parseContent(path: string, text: string): Record<string, unknown> | readonly unknown[] {
  let content: unknown
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    throw refusal(
      path,
      `it is not JSON: ${(error as Error).message.replace(/\s+/g, ' ')}`,
      'mend the file; JSON has no comments',
    )
  }
  if (isObject(content) || (Array.isArray(content) && content.length > 0 && content.every(isObject))) return content
  throw refusal(path, 'it is not a JSON object', 'write { "parallelism": 4, "params": { ... } }')
}

function scalar(path: string, key: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw refusal(path, `"${key}" is not a text, a number or a boolean`, 'give it as a text')
}

function unknownKey(path: string, key: string, known: readonly string[]): MillraceError {
  const plain = (name: string): string => name.replace(/[-_]/g, '').toLowerCase()
  const meant = known.find((name) => plain(name) === plain(key))
  const hint = meant === undefined ? `known options: ${known.join(', ')}` : `did you mean "${meant}"?`
  return refusal(path, `unknown option "${key}"`, hint)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refusal(path: string, reason: string, hint: string): MillraceError {
  return new MillraceError('MILLRACE_USAGE', `config file ${path}: ${reason}`, { hint })
}
