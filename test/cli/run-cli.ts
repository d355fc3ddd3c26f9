import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const bin = process.env['MILLRACE_TEST_BIN'] ?? fileURLToPath(new URL('../../bin/runtime.mjs', import.meta.url))

/** What a process said and how it ended. */
export interface CliResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process under way. */
export interface RunningCli {
  readonly child: ChildProcess
  /** Resolves when what it said so far matches. Rejects when it ends without. */
  says(pattern: RegExp): Promise<void>
  readonly ended: Promise<CliResult>
}

/** Starts the built program as a user does, with `cwd` as its working directory. */
export function startCli(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCli {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
      for (const listener of listeners) listener()
    })
  }
  const ended = new Promise<CliResult>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, ...said })),
  )
  const says = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const listener = (): void => {
        if (!pattern.test(said.stderr) && !pattern.test(said.stdout)) return
        listeners.delete(listener)
        resolve()
      }
      listeners.add(listener)
      listener()
      void ended.then(() => reject(new Error(`it never said ${String(pattern)}:\n${said.stdout}${said.stderr}`)))
    })
  return { child, says, ended }
}

/** Runs the built program to its end. */
export function runCli(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  return startCli(cwd, args, env).ended
}

/** The object that `--json` printed: the last line of standard output. */
export function reportOf({ stdout }: CliResult): Record<string, unknown> {
  if (!stdout.endsWith('\n')) throw new Error(`standard output does not end with a line end: ${stdout.slice(-200)}`)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>
}
