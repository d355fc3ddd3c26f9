// `npm test [-- vitest arguments]`: builds if needed, then runs vitest. See run-vitest.mjs for the last line.
import { fileURLToPath } from 'node:url'
import { buildIfStale } from './build.mjs'
import { printSummary, runVitest } from './run-vitest.mjs'

const buildCode = await buildIfStale(fileURLToPath(new URL('../..', import.meta.url)))
if (buildCode === 0) await runVitest(process.argv.slice(2))
else printSummary({ passed: 0, failed: 1, skipped: 0 })
