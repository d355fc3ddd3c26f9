import { readFileSync } from 'node:fs'

/** A JSON file of this folder. */
export function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as T
}
