import { spawn } from 'node:child_process'
import { onTestFinished } from 'vitest'

/** A program under way, ended with the test at the latest. */
export interface RunningProgram {
  /** Resolves with the match when what it wrote matches. Rejects when it ends without. */
  says(pattern: RegExp): Promise<RegExpMatchArray>
  /** Resolves when the condition holds, looked at whenever it writes. Rejects when it ends without. */
  until(condition: () => boolean, what: string): Promise<void>
  /** All it has written. */
  output(): string
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

/** Starts Node with these arguments. */
export function startNode(args: readonly string[], env: NodeJS.ProcessEnv, cwd?: string): RunningProgram {
  const child = spawn(process.execPath, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  })
  let output = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      for (const listener of listeners) listener()
    })
  }
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  const until = (condition: () => boolean, what: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const listener = (): void => {
        if (!condition()) return
        listeners.delete(listener)
        resolve()
      }
      listeners.add(listener)
      listener()
      ended.then(() => reject(new Error(`it ended before ${what}:\n${output}`)), reject)
    })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    ended,
    output: () => output,
    kill: (signal) => void child.kill(signal),
    until,
    async says(pattern) {
      await until(() => pattern.test(output), `it has said ${String(pattern)}`)
      return pattern.exec(output) as RegExpMatchArray
    },
  }
}
