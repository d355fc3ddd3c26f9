import { expect, it } from 'vitest'
import type { MemoryPlan } from '../../runtime/coordinator/memory-plan.js'
import { SpareHost } from '../../runtime/coordinator/spare-host.js'

const memory = {} as MemoryPlan

/** Counts hosts; `open` are those that nobody ended. */
function hosts() {
  const open = new Set<number>()
  let made = 0
  const spare = new SpareHost((slots) => {
    const id = ++made
    open.add(id)
    return { id, slots, run: () => Promise.resolve(), destroy: () => Promise.resolve(void open.delete(id)) } as never
  })
  const take = async (slots: number): Promise<unknown> => await spare.take(slots, memory)
  return { spare, take, open }
}

it('is what the next attempt runs in', async () => {
  const { spare, take, open } = hosts()
  expect(await take(2)).toMatchObject({ id: 1 })
  spare.prepare(2, memory)
  spare.prepare(2, memory)
  expect(await take(2)).toMatchObject({ id: 2 })
  expect(await take(2)).toMatchObject({ id: 3 })
  expect([...open]).toEqual([1, 2, 3])
})

it('is ended when it is not wanted: at another parallelism, before a long delay, after the last attempt', async () => {
  const { spare, take, open } = hosts()
  spare.prepare(2, memory)
  expect(await take(3)).toMatchObject({ id: 2, slots: 3 })
  spare.prepare(3, memory)
  await spare.waits(50)
  expect([...open]).toEqual([2, 3])
  await spare.waits(5_000)
  expect([...open]).toEqual([2])
  spare.prepare(3, memory)
  await spare.drop()
  expect([...open]).toEqual([2])
})
