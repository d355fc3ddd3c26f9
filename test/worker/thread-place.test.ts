import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('late-look.mjs', import.meta.url))

/** Runs a process whose main thread is held up in the middle of a look; resolves with its lines and exit code. */
function lateLook(ending: 'terminate' | 'exit', heldUpAt: string): Promise<{ lines: string[]; code: number | null }> {
  return new Promise((resolve) => {
    const options = { timeout: 10_000, killSignal: 'SIGKILL' } as const
    const child = execFile(process.execPath, [script, ending, heldUpAt], options, (_, stdout) =>
      resolve({ lines: stdout.trim().split('\n'), code: child.exitCode }),
    )
  })
}

describe('a look that is not over in time', () => {
  it.each(['Debugger.enable', 'Debugger.pause'])('lets the thread run on, and end (late after %s)', async (method) => {
    expect(await lateLook('terminate', method)).toEqual({
      lines: ['nothing known', 'runs on', 'terminated'],
      code: 7,
    })
  })

  it.each(['Debugger.enable', 'Debugger.pause'])('lets the process end (exits after %s)', async (method) => {
    expect(await lateLook('exit', method)).toEqual({ lines: [''], code: 7 })
  })
})
