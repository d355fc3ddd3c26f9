import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { emptyCounts } from './vitest-counts.mjs'

/**
 * Runs vitest in a process of its own, so that whatever happens there the last line is "N passed, N failed[, N skipped]".
 * Sets the exit code.
 */
export async function runVitest(args) {
  const reporters = ['--reporter=default', `--reporter=${pathOf('./vitest-counts.mjs')}`]
  const child = spawn(
    process.execPath,
    [pathOf('../../node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...args],
    {
      cwd: pathOf('../..'),
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    },
  )
  let counts = emptyCounts()
  child.on('message', (message) => {
    counts = message
  })
  // A signal goes on to the child; this process stays to print what is known by then.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  // vitest failed for a reason that no test stands for: a crash, a signal, no test found.
  if (code !== 0 && counts.failed === 0) counts = { ...counts, failed: 1 }
  printSummary(counts)
}

/** Prints the last line of `npm test` and sets the exit code by it. */
export function printSummary({ passed, failed, skipped }) {
  process.exitCode = failed > 0 ? 1 : 0
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
}

function pathOf(relative) {
  return fileURLToPath(new URL(relative, import.meta.url))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runVitest(process.argv.slice(2))
