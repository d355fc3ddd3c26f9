// `npm run test:services [-- --strict] [vitest arguments]`: installs the emulators once, then runs test/services against
// them; each test file starts its own on free loopback ports and stops them. --strict: nothing may be missing but what
// takes minutes to compile. The last line is that of `npm test`.
import { fileURLToPath } from 'node:url'
import { buildIfStale } from './build.mjs'
import { printSummary, runVitest } from './run-vitest.mjs'
import { installServices, isOptional, serviceNames, whyMissing } from './services.mjs'

const args = process.argv.slice(2)
const strict = args.includes('--strict')

async function start() {
  const failures = await installServices((line) => console.log(line))
  for (const failure of failures) console.error(failure)
  const missing = serviceNames.filter((name) => whyMissing(name) !== undefined)
  for (const name of missing) console.log(`skipped where needed: ${whyMissing(name)}`)
  if (strict && missing.some((name) => !isOptional(name))) return false
  return (await buildIfStale(fileURLToPath(new URL('../..', import.meta.url)))) === 0
}

if (await start()) {
  process.env.MILLRACE_SERVICES = '1'
  await runVitest(args.filter((arg) => arg !== '--strict'))
} else {
  printSummary({ passed: 0, failed: 1, skipped: 0 })
}
