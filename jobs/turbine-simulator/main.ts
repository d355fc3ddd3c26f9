import { parseArgs } from 'node:util'
import { startServer } from './server.js'
import { openTable, TableError } from './table.js'

const USAGE = 'usage: node jobs/turbine-simulator/start.mjs --table NAME [--host 127.0.0.1] [--port 8080]'

/** Serves until a signal comes. Resolves to the exit code. `folder` is that of this program, where the page is. */
export async function main(args: readonly string[], folder: string): Promise<number> {
  const given = readArgs(args)
  if (given === undefined) {
    process.stderr.write(`${USAGE}\n`)
    return 2
  }
  try {
    const table = await openTable(given.table)
    const server = await startServer({ ...given, table, folder })
    process.stdout.write(`Turbine simulator: ${server.url} writes to DynamoDB table ${given.table}\n`)
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    })
    await server.close()
    return 0
  } catch (error) {
    if (!(error instanceof TableError) && (error as { code?: unknown }).code !== 'EADDRINUSE') throw error
    process.stderr.write(`${(error as Error).message}\n`)
    return 1
  }
}

function readArgs(args: readonly string[]): { table: string; host: string; port: number } | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { table: { type: 'string' }, host: { type: 'string' }, port: { type: 'string' } },
    })
    const { table, host = '127.0.0.1', port = '8080' } = values
    if (table === undefined || table === '' || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) return undefined
    return { table, host, port: Number(port) }
  } catch {
    return undefined
  }
}
