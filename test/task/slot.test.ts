import { expect, it } from 'vitest'
import { Slot } from '../../runtime/task/slot.js'
import type { Subtask } from '../../runtime/task/subtask.js'
import type { ToSlot } from '../../runtime/worker/protocol.js'

it('a slot that always has records to work on looks at processing-time timers all the same', async () => {
  let now = 0
  let looked = 0
  const mail: ToSlot[] = [{ type: 'start' }]
  const busy = {
    links: [],
    runOnce: () => {
      now++
      if (now === 100) mail.push({ type: 'close' })
      return true
    },
    processingTime: () => {
      looked++
      return now + 10
    },
    hasWork: () => true,
    flush: () => undefined,
    nextCheckMs: () => Infinity,
    close: () => Promise.resolve(),
  } as unknown as Subtask
  const slot = new Slot({
    slot: 0,
    slots: 1,
    clock: { now: () => now, setTimeout: () => () => undefined },
    link: { send: () => undefined, receive: () => mail.shift() },
    waker: { wake: () => undefined },
    parker: { prepare: () => undefined, cancel: () => undefined, park: () => Promise.resolve() },
    segments: { begin: () => expect.unreachable() },
    breathe: () => Promise.resolve(),
  })
  slot.host([busy])
  await slot.run()
  expect(looked).toBeGreaterThan(5)
})
