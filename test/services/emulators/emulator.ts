import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.js'

/** A running emulator, started by this process and ended with it at the latest. */
export interface Emulator {
  readonly name: string
  /** `http://127.0.0.1:PORT`. */
  readonly endpoint: string
  readonly port: number
  /** What it has written so far: its end, for a failure's message. */
  output(): string
  /** Kills it and waits for its end. Any number of times. */
  stop(): Promise<void>
}

/** How to start one on a given port. */
export interface EmulatorCommand {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

const UP_WITHIN_MS = 45_000
const ATTEMPTS = 3
const KEPT_OUTPUT = 20_000
const PROBE_TIMEOUT_MS = 2_000

// The emulator dies with its parent, however that ends: the pipe on the shell's standard input closes then.
const GUARD = 'exec 3<&0; "$@" </dev/null 3<&- & pid=$!; (cat <&3 >/dev/null; kill -9 $pid) 2>/dev/null & wait $pid'

/** Starts an emulator on a free port and waits until it answers HTTP. Rejects with its output if it does not. */
export async function launch(
  commandFor: (port: number) => EmulatorCommand | Promise<EmulatorCommand>,
): Promise<Emulator> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const emulator = new Launched(await commandFor(port), port)
    try {
      await emulator.untilUp()
      return emulator
    } catch (error) {
      await emulator.stop()
      // Somebody else may have taken the port meanwhile.
      if (attempt === ATTEMPTS) throw error
    }
  }
}

class Launched implements Emulator {
  readonly name: string
  readonly endpoint: string
  readonly port: number
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #output = ''
  #exit: string | undefined

  constructor({ name, command, args, env, cwd }: EmulatorCommand, port: number) {
    this.name = name
    this.port = port
    this.endpoint = `http://127.0.0.1:${port}`
    this.#child = spawn('sh', ['-c', GUARD, 'sh', command, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    })
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-KEPT_OUTPUT)
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
    this.#child.stdin?.on('error', () => {
      // It ended first.
    })
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#exit ??= how
        this.#child.stdin?.destroy()
        resolve()
      }
      this.#child.once('error', (error) => end(error.message))
      this.#child.once('exit', (code, signal) => end(`exit code ${code ?? signal}`))
    })
  }

  output(): string {
    return this.#output
  }

  async untilUp(): Promise<void> {
    const giveUpAt = Date.now() + UP_WITHIN_MS
    while (!(await answers(this.endpoint))) {
      if (this.#exit !== undefined) throw new Error(`${this.name} ended: ${this.#exit}\n${this.#output}`)
      if (Date.now() > giveUpAt) throw new Error(`${this.name} is not up on port ${this.port}\n${this.#output}`)
      await sleep(50)
    }
    // Whoever answers must be ours: one that could not have the port has ended by now, or does at once.
    await sleep(50)
    if (this.#exit !== undefined) throw new Error(`${this.name} ended: ${this.#exit}\n${this.#output}`)
  }

  async stop(): Promise<void> {
    this.#child.stdin?.destroy()
    await this.#ended
  }
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) })
    await response.arrayBuffer()
    return true
  } catch {
    return false
  }
}
