import { describe, expect, it } from 'vitest'
import { UnreadInvalid } from '../../runtime/task/unread-invalid.js'

describe('UnreadInvalid', () => {
  it('shows five a second, then says how many more there were', () => {
    let now = 0
    const lines: string[] = []
    const out = new UnreadInvalid({ now: () => now, setTimeout: () => () => {} }, (line) => lines.push(line))
    for (let i = 0; i < 8; i++) out.emit({ raw: `x${i}`, reason: 'not JSON', source: `in:${i}` })
    expect(lines).toHaveLength(5)
    expect(lines[0]).toBe('invalid record at in:0: not JSON: x0')
    now = 1000
    out.emit({ raw: 'y', reason: 'not JSON', source: 'in:9' })
    expect(lines.slice(5)).toEqual(['3 more invalid records', 'invalid record at in:9: not JSON: y'])
  })

  it('cuts long records', () => {
    const lines: string[] = []
    const out = new UnreadInvalid({ now: () => 0, setTimeout: () => () => {} }, (line) => lines.push(line))
    out.emit({ raw: 'z'.repeat(1000), reason: 'r', source: 's' })
    expect(lines[0]!.length).toBeLessThan(400)
  })
})
