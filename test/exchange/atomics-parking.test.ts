import { describe, expect, it } from 'vitest'
import { AtomicsParker, AtomicsWaker, createParking, openParking } from '../../runtime/exchange/atomics-parking.js'
import { parkUnless } from '../../runtime/exchange/parking.js'

const LONG_MS = 60_000

describe('parking', () => {
  it('sleeps until it is woken', async () => {
    const memory = openParking(createParking(2))
    const parker = new AtomicsParker(memory, 1)
    const woken = parkUnless(parker, () => false, Infinity)
    new AtomicsWaker(memory).wake(1)
    await woken
  })

  it('does not sleep when it was woken while it looked for work', async () => {
    const memory = openParking(createParking(1))
    const waker = new AtomicsWaker(memory)
    await parkUnless(
      new AtomicsParker(memory, 0),
      () => {
        waker.wake(0)
        return false
      },
      LONG_MS,
    )
  })

  it('does not sleep when there is work', async () => {
    const memory = openParking(createParking(1))
    await parkUnless(new AtomicsParker(memory, 0), () => true, LONG_MS)
    expect(memory.load(0)).toBe(0)
  })

  it('sleeps no longer than the timeout', async () => {
    const memory = openParking(createParking(1))
    await parkUnless(new AtomicsParker(memory, 0), () => false, 1)
    expect(memory.load(0)).toBe(0)
  })

  it('makes no system call for a slot that runs', () => {
    const memory = openParking(createParking(1))
    let notified = 0
    const waker = new AtomicsWaker({ ...memory, notify: () => void notified++ })
    waker.wake(0)
    new AtomicsParker(memory, 0).prepare()
    waker.wake(0)
    waker.wake(0)
    expect(notified).toBe(1)
  })
})
