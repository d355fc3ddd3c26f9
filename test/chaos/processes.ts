// Real processes of the command line, and what the files around them show while they live and after they are killed.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CheckpointManifest, EpochRecord } from '../../runtime/checkpoint/manifest.js'
import { decodeEntry } from '../../runtime/checkpoint/manifest-codec.js'

const BIN = fileURLToPath(new URL('../../bin/runtime.mjs', import.meta.url))
export const JOBS = fileURLToPath(new URL('../fixtures/jobs', import.meta.url))
const LOOK_EVERY_MS = 5

/** What `--json` prints as its last line. */
export interface Report {
  readonly job: string | null
  readonly status: 'FINISHED' | 'SUSPENDED' | 'FAILED' | 'REFUSED'
  readonly recordsIn: number
  readonly recordsOut: number
  readonly lateRecordsDropped: number
  readonly checkpoints: number
  readonly restoredFrom: string | null
  readonly durationMs: number
  readonly failure: { readonly code: string; readonly message: string; readonly at: string | null } | null
}

/** A process that has ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
  /** Undefined when it was killed before it could print. */
  readonly report: Report | undefined
}

/** A submitted job. */
export class Submitted {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  /** What it has said so far on standard error. */
  said = ''

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env) {
    this.process = spawn(process.execPath, [BIN, 'submit', ...args, '--json'], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => (this.said += text))
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => resolve({ code, signal, stderr: this.said, report: lastLine(stdout) }))
    })
  }

  /** As the kernel would: no handler runs. */
  async kill(): Promise<Ended> {
    this.process.kill('SIGKILL')
    return this.ended
  }

  /** Resolves once `condition` holds; rejects when the process ends first. */
  async until(condition: () => boolean): Promise<void> {
    let over: Ended | undefined
    void this.ended.then((ended) => (over = ended))
    while (!condition()) {
      if (over !== undefined) throw new Error(`the process ended too early: ${JSON.stringify(over)}`)
      await pause(LOOK_EVERY_MS)
    }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function lastLine(stdout: string): Report | undefined {
  const line = stdout.trimEnd().split('\n').at(-1)
  return line === undefined || !line.startsWith('{') ? undefined : (JSON.parse(line) as Report)
}

/** What a test may have other than usual. */
export interface WorldOptions {
  readonly job?: string
  /** Elsewhere than in the folder. */
  readonly checkpoints?: string
  readonly env?: NodeJS.ProcessEnv
}

/** The folders of one test: input, output, checkpoints and stops. */
export class World {
  readonly folder: string
  readonly output: string
  readonly checkpoints: string
  readonly env: NodeJS.ProcessEnv
  private readonly job: string
  private readonly stops: string

  constructor(folder: string, { job = join(JOBS, 'counting.ts'), checkpoints, env = process.env }: WorldOptions = {}) {
    this.folder = folder
    this.job = job
    this.env = env
    this.output = join(folder, 'output')
    this.checkpoints = checkpoints ?? join(folder, 'checkpoints')
    this.stops = join(folder, 'stops')
    for (const each of [this.output, this.stops, join(folder, 'input')]) mkdirSync(each, { recursive: true })
  }

  /** Writes the lines of input files. */
  input(files: readonly (readonly object[])[]): void {
    for (const [i, lines] of files.entries()) {
      writeFileSync(
        join(this.folder, 'input', `part-${i}.jsonl`),
        lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
      )
    }
  }

  submit(params: Readonly<Record<string, string | number>> = {}, ...options: readonly string[]): Submitted {
    const all = { input: 'input', output: 'output', stops: this.stops, ...params }
    const given = Object.entries(all).flatMap(([name, value]) => ['--param', `${name}=${value}`])
    const job = [this.job, '--checkpoint-dir', this.checkpoints, '--parallelism', '2']
    const interval = options.includes('--checkpoint-interval') ? [] : ['--checkpoint-interval', '50ms']
    return new Submitted([...job, ...interval, ...given, ...options], this.folder, this.env)
  }

  set(stop: string): void {
    writeFileSync(join(this.stops, `${stop}.stop`), '')
  }

  clear(stop: string): void {
    rmSync(join(this.stops, `${stop}.stop`), { force: true })
    rmSync(join(this.stops, `${stop}.here`), { force: true })
  }

  hasReached(stop: string): boolean {
    return existsSync(join(this.stops, `${stop}.here`))
  }

  /** Makes a thread fail that looks for it; it takes the order away with it. */
  order(fault: string): void {
    writeFileSync(join(this.stops, `${fault}.fault`), '')
  }

  hasOrdered(fault: string): boolean {
    return existsSync(join(this.stops, `${fault}.fault`))
  }

  /** What the log of checkpoints holds, oldest first. */
  log(): (CheckpointManifest | EpochRecord)[] {
    const folder = join(this.checkpoints, 'manifests')
    const names = existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith('.json'))
          .sort()
      : []
    return names.flatMap((name) => {
      const path = join(folder, name)
      // Old ones go at any time.
      return existsSync(path) ? [decodeEntry(readFileSync(path), path)] : []
    })
  }

  newestCheckpoint(): CheckpointManifest | undefined {
    return this.log().findLast((entry): entry is CheckpointManifest => entry.kind === 'checkpoint')
  }

  checkpointCount(): number {
    return this.newestCheckpoint()?.checkpointId ?? 0
  }

  /** Files that hold state, or a part that nobody sees yet. */
  hiddenParts(): string[] {
    return this.filesIn(this.output).filter((path) => basename(path).startsWith('.'))
  }

  visibleParts(): string[] {
    return this.filesIn(this.output).filter((path) => !/^[._]/.test(basename(path)))
  }

  /** All lines of the output that others may see, sorted. */
  lines(): string[] {
    return this.visibleParts()
      .flatMap((path) => readFileSync(path, 'utf8').split('\n').slice(0, -1))
      .sort()
  }

  private filesIn(folder: string): string[] {
    const entries = readdirSync(folder, { withFileTypes: true, recursive: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  }
}

/** Looks at the output as another program would, all the time: parts are whole when they appear, never change and never go. */
export class Onlooker {
  readonly complaints: string[] = []
  /** Parts seen so far. */
  readonly seen = new Map<string, string>()
  private readonly world: World
  private stopped = false
  private readonly looking: Promise<void>

  constructor(world: World) {
    this.world = world
    this.looking = this.watch()
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.looking
    this.look()
  }

  private async watch(): Promise<void> {
    while (!this.stopped) {
      this.look()
      await pause(LOOK_EVERY_MS * 2)
    }
  }

  private look(): void {
    const there = new Set(this.world.visibleParts())
    for (const path of this.seen.keys()) if (!there.has(path)) this.complaints.push(`${path} is gone`)
    for (const path of there) {
      const content = readFileSync(path, 'utf8')
      const before = this.seen.get(path)
      if (before === undefined) this.check(path, content)
      else if (before !== content) this.complaints.push(`${path} has changed`)
      this.seen.set(path, content)
    }
  }

  private check(path: string, content: string): void {
    if (!content.endsWith('\n')) this.complaints.push(`${path} does not end with a line`)
    for (const line of content.split('\n').slice(0, -1)) {
      try {
        JSON.parse(line)
      } catch {
        this.complaints.push(`${path} holds ${line}`)
      }
    }
  }
}
