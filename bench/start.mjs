// `npm run bench`: builds dist if needed, then run.ts, bundled so that Node alone can run it, and runs that.
import { build } from 'esbuild'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildIfStale } from '../config/tooling/build.mjs'

if (!process.env.UV_THREADPOOL_SIZE) process.env.UV_THREADPOOL_SIZE = '16'
const root = fileURLToPath(new URL('..', import.meta.url))
const outfile = join(root, '.millrace', 'bench', 'run.mjs')

process.exitCode = await buildIfStale(root)
if (process.exitCode === 0) {
  await build({
    entryPoints: [join(root, 'bench', 'run.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    external: ['../../dist/*'],
    logLevel: 'warning',
  })
  const { main } = await import(pathToFileURL(outfile).href)
  process.exit(await main(process.argv.slice(2), root))
}
