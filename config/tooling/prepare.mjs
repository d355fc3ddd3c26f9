// npm's `prepare`: runs after `npm install` in a clone, again for each `npx runtime` there, and before packing.
// The published package ships dist and this file but no sources: there is nothing to build then.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

if (existsSync(new URL('./build.mjs', import.meta.url))) {
  const { buildIfStale } = await import('./build.mjs')
  process.exitCode = await buildIfStale(root)
}
