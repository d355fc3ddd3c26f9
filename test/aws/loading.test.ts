import { spawnSync } from 'node:child_process'
import { globSync } from 'tinyglobby'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const HOOKS = `export async function load(url, context, next) {
  if (url.includes('/@aws-sdk/') || url.includes('/@smithy/')) process._rawDebug(url)
  return next(url, context)
}`

it('importing Millrace and every connector loads nothing of the AWS SDK', () => {
  const connectors = globSync('dist/operators/connectors/*/index.js', { cwd: root }).map((file) => `./${file}`)
  expect(connectors).toContain('./dist/operators/connectors/kinesis/index.js')
  expect(loadedOfSdk(['millrace', 'millrace/runtime', ...connectors])).toBe('')
  expect(loadedOfSdk(['@aws-sdk/client-sns'])).toContain('/@aws-sdk/client-sns/')
})

/** Modules of the SDK that a process has loaded after importing these, one a line. */
function loadedOfSdk(specifiers: readonly string[]): string {
  const script = `
    import { register } from 'node:module'
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(HOOKS)}`)})
    for (const specifier of ${JSON.stringify(specifiers)}) await import(specifier)`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(status, stderr).toBe(0)
  return stderr
}
