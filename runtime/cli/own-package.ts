import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/**
 * The URL of `millrace` or `millrace/...` in the copy that runs now, by the package's own `exports`; undefined for an entry it does not
 * have. A job always gets this copy: two would be two engines.
 */
export function ownModule(specifier: string): string | undefined {
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve(specifier)).href
  } catch {
    return undefined
  }
}
