import { describe, expect, it } from 'vitest'
import { Holder, type HolderContext } from '../../runtime/checkpoint/holder.js'
import { standBy } from '../../runtime/checkpoint/standby.js'
import { FaultyStorage, type Fault } from '../storage/faulty-storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { Host } from './host.js'
import { VirtualClock } from './virtual-clock.js'

const quiet = { lost: () => {}, trouble: () => {} }

/** A standby, and what has become of it so far. */
function standing(context: HolderContext, signal?: AbortSignal) {
  const seen: { is: string; waits: unknown[]; trouble: number; holder?: Holder } = {
    is: 'waiting',
    waits: [],
    trouble: 0,
  }
  standBy(context, {
    waiting: (record) => seen.waits.push(record === 'unreadable' ? record : record.pid),
    trouble: () => void seen.trouble++,
    signal,
  }).then(
    (taken) => {
      if ('ended' in taken) seen.is = taken.ended.ended
      else Object.assign(seen, { is: 'holder', holder: taken })
    },
    (error: unknown) => (seen.is = (error as { code: string }).code),
  )
  return seen
}

describe('a standby', () => {
  it('waits while the holder lives, says so once, and takes over at once when it dies', async () => {
    const storage = new MemoryStorage()
    const clock = new VirtualClock()
    const host = new Host('a')
    const holder = await Holder.acquire(host.process(storage, 10, 10, clock))
    holder.startHeartbeat(quiet)
    const standby = standing(host.process(storage, 11, 11, clock))
    await clock.advance(60_000)
    expect(standby).toMatchObject({ is: 'waiting', waits: [10] })
    host.table.delete(10)
    await clock.advance(200)
    expect(standby.is).toBe('holder')
    expect(standby.holder!.predecessors).toMatchObject([{ pid: 10 }])
  })

  it.each([
    ['on its own host, stopped or hanging', new Host('a')],
    ['on another host', new Host('b')],
  ])('takes over a holder %s after 15 s of silence, not before', async (_, own) => {
    const storage = new MemoryStorage()
    const theirs = new VirtualClock()
    const holding = new Host('a')
    const holder = await Holder.acquire(holding.process(storage, 10, 10, theirs))
    own.table.set(10, { alive: true, startTicks: 10 })
    holder.startHeartbeat(quiet)
    const clock = new VirtualClock()
    const standby = standing(own.process(storage, 11, 11, clock))
    for (let second = 0; second < 30; second++) {
      await theirs.advance(1_000)
      await clock.advance(1_000)
    }
    expect(standby.is).toBe('waiting')
    await clock.advance(13_000)
    expect(standby.is).toBe('waiting')
    await clock.advance(5_000)
    expect(standby.is).toBe('holder')
  })

  it('is the only one of several that takes over; the others wait for it', async () => {
    const storage = new MemoryStorage()
    const clock = new VirtualClock()
    const host = new Host('a')
    await Holder.acquire(host.process(storage, 10, 10, clock))
    const all = [11, 12, 13].map((pid) => standing(host.process(storage, pid, pid, clock)))
    await clock.advance(5_000)
    host.table.delete(10)
    await clock.advance(500)
    const winner = all.find(({ is }) => is === 'holder')!
    winner.holder!.startHeartbeat(quiet)
    await clock.advance(60_000)
    expect(all.map(({ is }) => is).sort()).toEqual(['holder', 'waiting', 'waiting'])
    const pid = 11 + all.indexOf(winner)
    for (const other of all) if (other !== winner) expect(other.waits).toEqual([10, pid])
  })

  it('takes over from a holder that a signal stopped, and ends with one that ended the job', async () => {
    for (const [ended, is] of [
      [undefined, 'holder'],
      ['SUSPENDED', 'SUSPENDED'],
      ['FINISHED', 'FINISHED'],
      ['CANCELED', 'CANCELED'],
      ['FAILED', 'FAILED'],
    ] as const) {
      const storage = new MemoryStorage()
      const clock = new VirtualClock()
      const host = new Host('a')
      const holder = await Holder.acquire(host.process(storage, 10, 10, clock))
      const standby = standing(host.process(storage, 11, 11, clock))
      await clock.advance(2_000)
      await holder.release(ended !== 'FAILED', ended)
      await clock.advance(2_000)
      expect(standby.is).toBe(is)
    }
  })

  it('ends with one that took over from the holder and ended the job before it looked again', async () => {
    const storage = new MemoryStorage()
    const clock = new VirtualClock()
    const host = new Host('a')
    await Holder.acquire(host.process(storage, 10, 10, clock))
    const waiting = standing(host.process(storage, 11, 11, clock))
    await clock.advance(1_050)
    host.table.delete(10)
    const successor = await Holder.acquire(host.process(storage, 12, 12, clock))
    await successor.release(true, 'FINISHED')
    await clock.advance(3_000)
    expect(waiting.is).toBe('FINISHED')
  })

  it('that nobody keeps waiting begins at once, whatever became of the job before', async () => {
    const storage = new MemoryStorage()
    const clock = new VirtualClock()
    const host = new Host('a')
    await (await Holder.acquire(host.process(storage, 10, 10, clock))).release(true, 'FINISHED')
    const standby = standing(host.process(storage, 11, 11, clock))
    await clock.advance(0)
    expect(standby).toMatchObject({ is: 'holder', waits: [] })
  })

  it('goes on waiting while storage fails', async () => {
    const files = new MemoryStorage()
    let fault: Fault = 'pass'
    const storage = new FaultyStorage(files, () => fault)
    const clock = new VirtualClock()
    const host = new Host('a')
    await Holder.acquire(host.process(files, 10, 10, clock))
    const standby = standing(host.process(storage, 11, 11, clock))
    await clock.advance(2_000)
    fault = 'fails'
    host.table.delete(10)
    await clock.advance(10_000)
    expect(standby.is).toBe('waiting')
    expect(standby.trouble).toBeGreaterThan(0)
    fault = 'pass'
    await clock.advance(2_000)
    expect(standby.is).toBe('holder')
  })

  it('can be told to give up', async () => {
    const storage = new MemoryStorage()
    const clock = new VirtualClock()
    const host = new Host('a')
    await Holder.acquire(host.process(storage, 10, 10, clock))
    const stop = new AbortController()
    const standby = standing(host.process(storage, 11, 11, clock), stop.signal)
    await clock.advance(3_000)
    stop.abort()
    await clock.advance(1_000)
    expect(standby.is).toBe('MILLRACE_HELD')
  })
})
