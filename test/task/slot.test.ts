import { expect, it } from 'vitest'
import { Slot } from '../../runtime/task/slot.js'
import type { Subtask } from '../../runtime/task/subtask.js'
import type { ToSlot } from '../../runtime/worker/protocol.js'

it.each([
  ['', 0],
  [', though its clock is set back meanwhile', -3_600_000],
])('a slot that always has records to work on looks at processing-time timers all the same%s', async (_, jumpMs) => {
  let [now, wall] = [0, 0]
  let looked = 0
  const mail: ToSlot[] = [{ type: 'start' }]
  const busy = {
    links: [],
    runOnce: () => {
      now++
      wall += now === 10 ? jumpMs : 1
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
    clock: { now: () => wall, steady: () => now, setTimeout: () => () => undefined },
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
