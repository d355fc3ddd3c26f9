import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Holder, type HeartbeatListener } from '../../runtime/checkpoint/holder.js'
import { HOLDER_PATH, readHolder, type HolderRecord } from '../../runtime/checkpoint/holder-record.js'
import { systemProcesses, type ProcessState } from '../../runtime/checkpoint/process-facts.js'
import { FaultyStorage, type Fault } from '../storage/faulty-storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { Host } from './host.js'
import { VirtualClock } from './virtual-clock.js'

const silent: HeartbeatListener = {
  lost: (error) => {
    throw error
  },
  trouble: (error) => {
    throw error as Error
  },
}

const heldBy = (who: string): object => ({
  code: 'MILLRACE_HELD',
  message: expect.stringContaining(`job "job" is held by ${who}`) as string,
})

const current = (storage: MemoryStorage): HolderRecord =>
  JSON.parse((storage.files.get(HOLDER_PATH) as Buffer).toString()) as HolderRecord

/** The outcome so far. */
function outcomeOf(acquiring: Promise<Holder>): { is: string; error?: unknown } {
  const outcome: { is: string; error?: unknown } = { is: 'waiting' }
  acquiring.then(
    () => (outcome.is = 'taken'),
    (error: unknown) => Object.assign(outcome, { is: 'refused', error }),
  )
  return outcome
}

describe('the holder of a job', () => {
  it('takes a free job, and gives it free again', async () => {
    const storage = new MemoryStorage()
    const host = new Host('a')
    const holder = await Holder.acquire(host.process(storage, 10, 100))
    expect(holder.predecessors).toEqual([])
    expect(current(storage)).toMatchObject({ host: 'a', bootId: 'boot-1', pid: 10, startTicks: 100, jobId: 'job' })
    await holder.release()
    const next = await Holder.acquire(host.process(storage, 11, 200))
    expect(current(storage).pid).toBe(11)
    expect(next.predecessors).toEqual([])
  })

  it('is named to a second process on its host, with its start, at once', async () => {
    const storage = new MemoryStorage()
    const host = new Host('a')
    await Holder.acquire(host.process(storage, 10, 100, new VirtualClock(Date.UTC(2024, 0, 2))))
    await expect(Holder.acquire(host.process(storage, 11, 200))).rejects.toMatchObject({
      code: 'MILLRACE_HELD',
      message: 'job "job" is held by process 10 on a since 2024-01-02T00:00:00.000Z',
      hint: 'stop that process first, or give this run another --job-id',
    })
    expect(current(storage).pid).toBe(10)
  })

  it('is taken over at once when it is dead, or its pid belongs to another process by now', async () => {
    for (const now of [undefined, { alive: false, startTicks: 100 }, { alive: true, startTicks: 999 }]) {
      const storage = new MemoryStorage()
      const host = new Host('a')
      await Holder.acquire(host.process(storage, 10, 100))
      if (now === undefined) host.table.delete(10)
      else host.table.set(10, now)
      const holder = await Holder.acquire(host.process(storage, 11, 200))
      expect(current(storage).pid).toBe(11)
      // It did not give the job free: who knows how that ended.
      expect(holder.predecessors).toMatchObject([{ pid: 10, startTicks: 100 }])
    }
  })

  it('knows all who died one after the other: any of them may have ended the job without a word', async () => {
    const storage = new MemoryStorage()
    const host = new Host('a')
    for (const pid of [10, 11, 12]) {
      await Holder.acquire(host.process(storage, pid, pid * 10))
      host.table.delete(pid)
    }
    const holder = await Holder.acquire(host.process(storage, 13, 130))
    expect(holder.predecessors.map(({ pid }) => pid)).toEqual([12, 11, 10])
    await holder.release()
    expect((await Holder.acquire(host.process(storage, 14, 140))).predecessors).toEqual([])
  })

  it('hands those who died before on, if it ends without knowing what became of the job', async () => {
    const storage = new MemoryStorage()
    const host = new Host('a')
    await Holder.acquire(host.process(storage, 10, 100))
    host.table.delete(10)
    const holder = await Holder.acquire(host.process(storage, 11, 110))
    await holder.release(false)
    // It may live on: what it leaves behind does not say that it holds the job.
    const next = await Holder.acquire(host.process(storage, 12, 120))
    expect(next.predecessors.map(({ pid }) => pid)).toEqual([10, 11])
    host.table.delete(12)
  })

  it.each([
    ['on another host', new Host('b')],
    ['on a host of the same name that booted anew', new Host('a', 'boot-2')],
  ])('%s is taken over after 15 s of silence, not before', async (_, other) => {
    const storage = new MemoryStorage()
    await Holder.acquire(new Host('a').process(storage, 10, 100))
    const clock = new VirtualClock(5)
    const outcome = outcomeOf(Holder.acquire(other.process(storage, 10, 100, clock)))
    await clock.advance(14_999)
    expect(outcome.is).toBe('waiting')
    await clock.advance(1)
    await clock.advance(0)
    expect(outcome.is).toBe('taken')
  })

  it('where the system tells no start times, is believed for its heartbeat only', async () => {
    const storage = new MemoryStorage()
    const host = new Host('mac', null)
    await Holder.acquire(host.process(storage, 10, null))
    const clock = new VirtualClock()
    const outcome = outcomeOf(Holder.acquire(host.process(storage, 11, null, clock)))
    await clock.advance(14_000)
    expect(outcome.is).toBe('waiting')
    await clock.advance(1_001)
    expect(outcome.is).toBe('taken')
  })

  it('on another host that lives is named at its next heartbeat, whatever the clocks say', async () => {
    const storage = new MemoryStorage()
    const theirs = new VirtualClock(0)
    const holder = await Holder.acquire(new Host('a').process(storage, 10, 100, theirs))
    holder.startHeartbeat(silent)
    await theirs.advance(60_000)
    const ours = new VirtualClock(9_000_000_000_000)
    const outcome = outcomeOf(Holder.acquire(new Host('b').process(storage, 20, 100, ours)))
    await ours.advance(2_500)
    expect(outcome.is).toBe('waiting')
    await theirs.advance(3_000)
    await ours.advance(1_000)
    expect(outcome).toMatchObject({ is: 'refused', error: heldBy('process 10 on a') })
  })

  it('that releases while it is observed gives way at once', async () => {
    const storage = new MemoryStorage()
    const holder = await Holder.acquire(new Host('a').process(storage, 10, 100))
    const clock = new VirtualClock()
    const outcome = outcomeOf(Holder.acquire(new Host('b').process(storage, 20, 100, clock)))
    await clock.advance(2_000)
    await holder.release()
    await clock.advance(1_001)
    expect(outcome.is).toBe('taken')
  })

  it('is one, when several find the place free', async () => {
    const storage = new MemoryStorage()
    const host = new Host('a')
    const all = [1, 2, 3, 4].map((pid) => Holder.acquire(host.process(storage, pid, pid)))
    const outcomes = await Promise.allSettled(all)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'MILLRACE_HELD' } })
  })

  it.each(['dead', 'over'])('is one, when several find the one before %s', async (how) => {
    const storage = new MemoryStorage()
    const host = new Host('a')
    const before = await Holder.acquire(host.process(storage, 10, 10))
    if (how === 'dead') host.table.delete(10)
    else await before.release(true, 'CANCELED')
    const all = [1, 2, 3, 4].map((pid) => Holder.acquire(host.process(storage, pid, pid)))
    const outcomes = await Promise.allSettled(all)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'MILLRACE_HELD' })
    }
  })

  it('can be claimed only as long as it is the holder: whoever read its record long ago comes too late', async () => {
    const storage = new MemoryStorage()
    const host = new Host('a')
    await Holder.acquire(host.process(storage, 10, 10))
    const old = await readHolder(storage)
    for (const pid of [11, 12]) {
      host.table.clear()
      await Holder.acquire(host.process(storage, pid, pid))
    }
    expect(await Holder.take(host.process(storage, 13, 13), old)).toBe(undefined)
    expect(current(storage).pid).toBe(12)
    expect((await readHolder(storage))?.record).toMatchObject({ pid: 12 })
  })

  it('that died between its claim and its record is followed all the same', async () => {
    const files = new MemoryStorage()
    const host = new Host('a')
    await Holder.acquire(host.process(files, 10, 10))
    host.table.delete(10)
    const dying = new FaultyStorage(files, (operation) => (operation === 'overwrite' ? 'fails' : 'pass'))
    await expect(Holder.acquire(host.process(dying, 11, 11))).rejects.toMatchObject({ code: 'MILLRACE_STORAGE' })
    await expect(Holder.acquire(host.process(files, 12, 12))).rejects.toMatchObject(heldBy('process 11 on a'))
    host.table.delete(11)
    const holder = await Holder.acquire(host.process(files, 13, 13))
    expect(holder.predecessors.map(({ pid }) => pid)).toEqual([11, 10])
    await holder.release()
    expect(files.files.size).toBe(0)
  })

  it('says how it ended the job, and whoever comes next starts at once', async () => {
    const storage = new MemoryStorage()
    const host = new Host('a')
    const holder = await Holder.acquire(host.process(storage, 10, 10))
    await holder.release(true, 'CANCELED')
    expect(current(storage)).toMatchObject({ pid: 10, ended: 'CANCELED' })
    expect((await Holder.acquire(host.process(storage, 11, 11))).predecessors).toEqual([])
    expect(current(storage).ended).toBe(undefined)
  })

  it('learns from its heartbeat that it was taken over, and does not write or delete any more', async () => {
    const storage = new MemoryStorage()
    const clock = new VirtualClock()
    const holder = await Holder.acquire(new Host('a').process(storage, 10, 100, clock))
    const lost: unknown[] = []
    holder.startHeartbeat({ ...silent, lost: (error) => lost.push(error) })
    const later = new VirtualClock()
    const taking = Holder.acquire(new Host('b').process(storage, 20, 100, later))
    await later.advance(15_001)
    await taking
    await clock.advance(10_000)
    expect(lost).toMatchObject([{ code: 'MILLRACE_FENCED', message: 'job "job" was taken over by process 20 on b' }])
    await holder.release()
    expect(current(storage).host).toBe('b')
  })

  it('goes on beating when storage fails for a while', async () => {
    const files = new MemoryStorage()
    let fault: Fault = 'pass'
    const clock = new VirtualClock()
    const storage = new FaultyStorage(files, () => fault)
    const holder = await Holder.acquire(new Host('a').process(storage, 10, 100, clock))
    const trouble: unknown[] = []
    holder.startHeartbeat({ ...silent, trouble: (error) => trouble.push(error) })
    fault = 'fails'
    await clock.advance(6_000)
    expect(trouble).toHaveLength(2)
    const before = current(files).beat
    fault = 'pass'
    await clock.advance(6_000)
    expect(current(files).beat).toBe(before + 2)
    await holder.release()
    expect(files.files.size).toBe(0)
    await clock.advance(10_000)
    expect(files.files.size).toBe(0)
  })

  it('waits out a record that it cannot read, instead of ignoring it', async () => {
    const storage = new MemoryStorage()
    await storage.overwrite(HOLDER_PATH, Buffer.from('{"future": '))
    const clock = new VirtualClock()
    const outcome = outcomeOf(Holder.acquire(new Host('a').process(storage, 10, 100, clock)))
    await clock.advance(14_000)
    expect(outcome.is).toBe('waiting')
    await clock.advance(1_001)
    expect(outcome.is).toBe('taken')
  })
})

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

describe('the real process table', () => {
  it('reads state and start time behind any name, and takes a zombie for dead', () => {
    const stat = (name: string, state: string): string =>
      `42 (${name}) ${state} ${Array.from({ length: 30 }, (_, i) => i + 4).join(' ')}`
    const stateIn = (text: string): ProcessState =>
      systemProcesses((path) => (path === '/proc/42/stat' ? text : undefined)).stateOf(42)
    expect(stateIn(stat('node', 'S'))).toEqual({ alive: true, startTicks: 22 })
    expect(stateIn(stat('a) Z (b', 'R'))).toEqual({ alive: true, startTicks: 22 })
    expect(stateIn(stat('node', 'Z')).alive).toBe(false)
  })

  it('knows this process, and tells a live one from a dead one', async () => {
    const facts = systemProcesses(readText)
    const self = facts.self()
    expect(self.pid).toBe(process.pid)
    expect(facts.stateOf(self.pid)).toEqual({ alive: true, startTicks: self.startTicks })
    if (process.platform === 'linux') expect(self.startTicks).toBeGreaterThan(0)
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    await once(child, 'spawn')
    expect(facts.stateOf(child.pid as number).alive).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(facts.stateOf(child.pid as number).alive).toBe(false)
  })
})
