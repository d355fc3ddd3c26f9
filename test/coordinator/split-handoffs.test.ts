import { describe, expect, it } from 'vitest'
import { SplitHandoffs } from '../../runtime/coordinator/split-handoffs.js'

function handoffs() {
  const sent: string[] = []
  const under = new SplitHandoffs('src', (slot, message) => {
    if (message.type === 'retireSplits')
      sent.push(`${slot} retire ${message.splitIds.join()}${message.hold ? ' hold' : ''}`)
    if (message.type === 'releaseSplits') sent.push(`${slot} release ${message.splitIds.join()}`)
  })
  const follow = (...ids: string[]): void =>
    under.assigned(ids.map((id) => ({ id, split: null, watermark: 0, follows: true })))
  return { under, follow, sent }
}

describe('what follows a finished split', () => {
  it('makes it hold event time back until all of it has caught up', () => {
    const { under, follow, sent } = handoffs()
    follow('left', 'right')
    under.retire(0, ['parent'])
    under.caughtUp('right')
    expect(sent).toEqual(['0 retire parent hold'])
    under.caughtUp('left')
    expect(sent).toEqual(['0 retire parent hold', '0 release parent'])
  })

  it('holds nothing back if nothing follows, or all has caught up already', () => {
    const { under, follow, sent } = handoffs()
    under.retire(1, ['last'])
    follow('child')
    under.caughtUp('child')
    under.retire(0, ['parent'])
    expect(sent).toEqual(['1 retire last', '0 retire parent'])
  })

  it('leaves it to its own successors if it ends before it has caught up', () => {
    const { under, follow, sent } = handoffs()
    follow('child')
    under.retire(0, ['parent'])
    follow('grandchild')
    under.retire(1, ['child'])
    under.caughtUp('child')
    expect(sent).toEqual(['0 retire parent hold', '1 retire child hold'])
    under.caughtUp('grandchild')
    expect(sent.slice(2)).toEqual(['0 release parent', '1 release child'])
  })
})
