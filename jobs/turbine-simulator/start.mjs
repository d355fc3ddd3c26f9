// `node jobs/turbine-simulator/start.mjs --table NAME [--port 8080]`: bundles main.ts, so that Node alone can run it, and runs that.
import { build } from 'esbuild'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))
const outfile = join(folder, '..', '..', '.millrace', 'turbine-simulator', `main-${process.pid}.mjs`)

await build({
  entryPoints: [join(folder, 'main.ts')],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
})
const { main } = await import(pathToFileURL(outfile).href)
rmSync(outfile)
process.exitCode = await main(process.argv.slice(2), folder)
