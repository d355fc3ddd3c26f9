import { describe, expect, it } from 'vitest'
import { Screen, type TextStream } from '../../runtime/cli/screen.js'

/** A terminal that knows the two escape sequences in use; both streams write to it. */
class Terminal {
  text = ''
  /** What a person sees. */
  get shown(): string[] {
    const rows: string[] = ['']
    for (const part of this.text.split(/(\x1b\[1A|\x1b\[2K|\n)/)) {
      if (part === '\n') rows.push('')
      else if (part === '\x1b[1A') rows.pop()
      else if (part === '\x1b[2K') rows[rows.length - 1] = ''
      else rows[rows.length - 1] += part
    }
    return rows
  }

  stream(isTTY: boolean): TextStream {
    return {
      isTTY,
      columns: 40,
      write: (text) => {
        this.text += text
        return true
      },
    }
  }
}

describe('on a terminal', () => {
  it('what is printed stands above the status, whole, in order', () => {
    const terminal = new Terminal()
    const screen = new Screen(terminal.stream(true), terminal.stream(true))
    screen.status(['running', '  1 s'])
    screen.print('alert 1')
    screen.note('warning: late')
    screen.print('alert 2')
    screen.flush()
    screen.status(['running', '  2 s'])
    expect(terminal.shown).toEqual(['alert 1', 'warning: late', 'alert 2', 'running', '  2 s', ''])
    screen.end()
    expect(terminal.shown).toEqual(['alert 1', 'warning: late', 'alert 2', ''])
  })

  it('what the job writes itself is not drawn over, in the middle of a line either', () => {
    const terminal = new Terminal()
    const stdout = terminal.stream(true)
    const screen = new Screen(stdout, terminal.stream(true))
    screen.status(['running'])
    stdout.write('half a ')
    expect(terminal.shown).toEqual(['half a '])
    stdout.write('line\n')
    expect(terminal.shown).toEqual(['half a line', 'running', ''])
    screen.end()
    stdout.write('after\n')
    expect(terminal.shown).toEqual(['half a line', 'after', ''])
  })

  it('a status longer than the terminal is cut, so that it can be taken away again', () => {
    const terminal = new Terminal()
    const screen = new Screen(terminal.stream(true), terminal.stream(true))
    screen.status(['x'.repeat(100)])
    expect(terminal.shown).toEqual(['x'.repeat(39), ''])
  })
})

describe('into a file or a pipe', () => {
  it('there is no status, and no escape sequence', () => {
    const [out, err] = [new Terminal(), new Terminal()]
    const screen = new Screen(out.stream(false), err.stream(false))
    screen.status(['running'])
    screen.print('line')
    screen.note('note')
    screen.end()
    expect([out.text, err.text]).toEqual(['line\n', 'note\n'])
  })

  it('many lines in one turn are one write, and come out by themselves', async () => {
    let writes = 0
    const stdout: TextStream = { write: () => ++writes > 0 }
    const screen = new Screen(stdout, stdout)
    for (let i = 0; i < 1000; i++) screen.print(`line ${i}`)
    expect(writes).toBe(0)
    await new Promise((done) => setImmediate(done))
    expect(writes).toBe(1)
  })
})
