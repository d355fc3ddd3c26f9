// Bundles a benchmark's TypeScript so that Node alone can run it, and imports it; builds dist before that if needed.
import { build } from 'esbuild'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildIfStale } from '../../config/tooling/build.mjs'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs the entry's `main(arguments, root)` and exits with what it returns. `entry`: below bench. */
export async function runBundled(entry) {
  if (!process.env.UV_THREADPOOL_SIZE) process.env.UV_THREADPOOL_SIZE = '16'
  const outfile = join(root, '.millrace', 'bench', `${basename(entry, '.ts')}.mjs`)
  process.exitCode = await buildIfStale(root)
  if (process.exitCode !== 0) return
  await build({
    entryPoints: [join(root, 'bench', entry)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  })
  const { main } = await import(pathToFileURL(outfile).href)
  process.exit(await main(process.argv.slice(2), root))
}
