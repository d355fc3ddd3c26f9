// Two streams, one terminal. Standard output takes the job's lines, standard error all else; on a terminal the last lines of standard error
// are the status, redrawn in place. Whoever writes to either stream writes above it:
//
//   {"turbineID":"t1",...}        <- standard output
//   warning: ...                  <- standard error
//   running 12 s ...              <- status: cleared before every write, drawn again after it

/** A stream as far as it is used here: `process.stdout`. */
export interface TextStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): boolean
}

const FLUSH_AT_CHARS = 64 * 1024
/** One line up, and erase from there to the end. */
const ERASE_LINE = '\x1b[1A\x1b[2K'

/** What the program shows. Lines of standard output are gathered for a turn of the event loop; `flush` brings them out. Main thread. */
export class Screen {
  private readonly stdout: TextStream
  private readonly stderr: TextStream
  private readonly writeOut: (text: string) => boolean
  private readonly writeErr: (text: string) => boolean
  private lines: string[] = []
  private chars = 0
  private scheduled: NodeJS.Immediate | undefined
  private statusLines: readonly string[] = []
  private drawn = 0
  private release: (() => void) | undefined

  constructor(stdout: TextStream, stderr: TextStream) {
    this.stdout = stdout
    this.stderr = stderr
    this.writeOut = stdout.write.bind(stdout)
    this.writeErr = stderr.write.bind(stderr)
  }

  /** Whether a status can be shown. */
  get live(): boolean {
    return this.stderr.isTTY === true
  }

  /** A line of standard output. */
  print(line: string): void {
    this.lines.push(line)
    this.chars += line.length
    if (this.chars >= FLUSH_AT_CHARS) this.flush()
    else this.scheduled ??= setImmediate(() => this.flush())
  }

  /** A line of standard error. */
  note(line: string): void {
    this.flush()
    this.above(() => this.writeErr(`${line}\n`))
  }

  /** Shows these lines at the bottom until others come; none: nothing. Only on a terminal. */
  status(lines: readonly string[]): void {
    if (!this.live) return
    this.release ??= this.guard()
    this.clear()
    this.statusLines = lines
    this.draw()
  }

  /** Writes what was printed. */
  flush(): void {
    clearImmediate(this.scheduled)
    this.scheduled = undefined
    if (this.lines.length === 0) return
    const text = `${this.lines.join('\n')}\n`
    this.lines = []
    this.chars = 0
    this.above(() => this.writeOut(text))
  }

  /** Takes the status away and writes what was printed. */
  end(): void {
    this.status([])
    this.release?.()
    this.flush()
  }

  private above(write: () => void): void {
    this.clear()
    write()
    this.draw()
  }

  private clear(): void {
    if (this.drawn > 0) this.writeErr(ERASE_LINE.repeat(this.drawn))
    this.drawn = 0
  }

  private draw(): void {
    if (this.statusLines.length === 0) return
    const width = Math.max(20, (this.stderr.columns || 80) - 1)
    this.writeErr(this.statusLines.map((line) => `${line.slice(0, width)}\n`).join(''))
    this.drawn = this.statusLines.length
  }

  /** What the job's own code writes (console.log) must not be drawn over. */
  private guard(): () => void {
    const releases = [this.stdout, this.stderr].map((stream) => {
      const write = stream.write.bind(stream)
      const guarded = (...args: Parameters<typeof write>): boolean => {
        this.clear()
        const result = write(...args)
        // In the middle of a line the status has to wait for its end.
        if (String(args[0]).endsWith('\n')) this.draw()
        return result
      }
      stream.write = guarded
      return () => {
        stream.write = write
      }
    })
    return () => {
      for (const release of releases) release()
      this.release = undefined
    }
  }
}
