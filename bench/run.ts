// One run of one benchmark job: `npm run -s bench -- --job wind --records 50000000`. See README.md.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArguments } from './lib/arguments.js'
import { runBench } from './lib/run-bench.js'

/** Prints the run's line last; returns the exit code. `root`: the project's folder. */
export async function main(args: readonly string[], root: string): Promise<number> {
  try {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    const figures = await runBench(parseArguments(args), join(root, 'bench', 'jobs'), version)
    console.log(JSON.stringify(figures))
    return 0
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}
