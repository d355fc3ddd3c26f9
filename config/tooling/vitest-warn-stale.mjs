import { fileURLToPath } from 'node:url'
import { isFresh } from './build.mjs'

/** Tests that start threads or processes run dist: `npm test` builds it first, plain vitest only says that it is old. */
export function setup() {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  if (!isFresh(root)) console.warn('dist is older than the sources. Tests that run it need "npm run build" first')
}
