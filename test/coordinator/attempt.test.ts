import type { MessagePort } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import type { CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import { Attempt } from '../../runtime/coordinator/attempt.js'
import { DEFAULT_CHECKPOINTING } from '../../runtime/coordinator/checkpoint-rules.js'
import type { CheckpointSink } from '../../runtime/coordinator/checkpoint-sink.js'
import type { JobEvents } from '../../runtime/coordinator/events.js'
import type { PendingCheckpoint } from '../../runtime/coordinator/pending-checkpoint.js'
import type { SlotHost } from '../../runtime/coordinator/slot-host.js'
import { planJob } from '../../runtime/plan/plan.js'
import type { FromSlot, SlotAssignment, ToSlot } from '../../runtime/worker/protocol.js'
import type { Clock } from '../../runtime/contract/time.js'
import { systemClock } from '../../runtime/worker/system-clock.js'
import { VirtualClock } from '../checkpoint/virtual-clock.js'

const events = new Proxy({} as JobEvents, { get: () => () => undefined })

/** One slot that answers as `reply` says. */
class ScriptedSlot implements SlotHost {
  private readonly reply: (message: ToSlot, send: (message: FromSlot) => void) => void
  private end: () => void = () => undefined

  constructor(reply: (message: ToSlot, send: (message: FromSlot) => void) => void) {
    this.reply = reply
  }

  run(_assignment: SlotAssignment, port: MessagePort): Promise<void> {
    const send = (message: FromSlot): void => port.postMessage(message)
    port.on('message', (message: ToSlot) => this.reply(message, send))
    send({ type: 'ready', slot: 0 })
    return new Promise((resolve) => {
      this.end = () => {
        port.close()
        resolve()
      }
    })
  }

  async destroy(): Promise<void> {
    this.end()
  }
}

function attempt(
  host: SlotHost,
  complete: (pending: PendingCheckpoint) => Promise<void>,
  {
    slots = 1,
    clock = systemClock,
    restored = () => undefined,
  }: { slots?: number; clock?: Clock; restored?: () => void } = {},
): Attempt {
  const plan = planJob(
    { nodes: [{ id: 0, kind: 'sink', uid: 'out', name: 'out', inputs: [], sink: {} as never }] },
    slots,
    128,
  )
  const checkpoints: CheckpointSink = {
    nextId: () => 1,
    commit: async (pending) => {
      await complete(pending)
      return {} as CheckpointManifest
    },
    publish: async () => {},
    abandon: () => {},
    lost: () => {},
    late: () => {},
    restored,
  }
  return new Attempt({
    plan,
    assignments: Array.from({ length: slots }, (_, slot) => ({ slot }) as SlotAssignment),
    run: { jobId: 'job', runId: 'run', runStartedAtMs: 0, parallelism: 1, attempt: 1, checkpointing: false },
    host,
    clock,
    checkpoints,
    checkpointing: DEFAULT_CHECKPOINTING,
    restoredSources: {},
    counterBase: {},
    events,
  })
}

describe('Attempt', () => {
  it('that fails while a checkpoint is being committed ends only when that is decided', async () => {
    let commit: () => void = () => undefined
    let committing = false
    const host = new ScriptedSlot((message, send) => {
      if (message.type === 'start') send({ type: 'subtaskFinished', slot: 0, task: 0 })
      if (message.type !== 'triggerCheckpoint') return
      send({ type: 'checkpointAck', slot: 0, task: 0, checkpointId: 1, operators: [] })
      send({ type: 'failed', slot: 0, error: { code: 'MILLRACE_USER', message: 'no' } })
    })
    const running = attempt(host, () => {
      committing = true
      return new Promise((resolve) => (commit = resolve))
    }).run()
    let ended = false
    void running.then(() => (ended = true))
    await expect.poll(() => committing).toBe(true)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(ended).toBe(false)
    commit()
    expect((await running).kind).toBe('failed')
  })

  it('says that its checkpoint is restored once all slots have', async () => {
    const said: number[] = []
    let restored = 0
    const hold: Record<number, () => void> = {}
    const host: SlotHost = {
      run: ({ slot }, port) => {
        const send = (message: FromSlot): void => port.postMessage(message)
        hold[slot] = () => {
          said.push(slot)
          send({ type: 'restored', slot })
          if (said.length === 2) send({ type: 'failed', slot, error: { code: 'MILLRACE_USER', message: 'the end' } })
        }
        return new Promise(() => undefined)
      },
      destroy: () => Promise.resolve(),
    }
    const running = attempt(host, () => Promise.resolve(), { slots: 2, restored: () => restored++ }).run()
    hold[1]!()
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(restored).toBe(0)
    hold[0]!()
    await running
    expect(restored).toBe(1)
  })

  it('fails when its thread ends without a word', async () => {
    const host: SlotHost = { run: () => Promise.resolve(), destroy: () => Promise.resolve() }
    const outcome = await attempt(host, () => Promise.resolve()).run()
    expect(outcome).toMatchObject({
      kind: 'failed',
      error: { code: 'MILLRACE_WORKER', message: 'slot 0 ended before the job did' },
    })
  })

  it('does not fail while one slot takes long to close and another, which said that it is closed, has ended', async () => {
    const clock = new VirtualClock()
    const ports: MessagePort[] = []
    const host: SlotHost = {
      run: ({ slot }, port) => {
        ports.push(port as MessagePort)
        const send = (message: FromSlot): void => port.postMessage(message)
        send({ type: 'ready', slot })
        return new Promise((resolve) =>
          port.on('message', (message) => {
            const { type } = message as ToSlot
            if (type === 'start') send({ type: 'subtaskFinished', slot, task: 0 })
            if (type === 'triggerCheckpoint')
              send({ type: 'checkpointAck', slot, task: 0, checkpointId: 1, operators: [] })
            if (type !== 'close') return
            // As slow as a sink that waits for a service.
            if (slot === 1) return void clock.setTimeout(() => send({ type: 'closed', slot }), 5_000)
            send({ type: 'closed', slot })
            resolve()
          }),
        )
      },
      destroy: async () => ports.forEach((port) => port.close()),
    }
    const running = attempt(host, () => Promise.resolve(), { slots: 2, clock }).run()
    let ended = false
    void running.then(() => (ended = true))
    await expect.poll(() => clock.advance(500).then(() => ended)).toBe(true)
    expect(await running).toEqual({ kind: 'finished' })
  })
})
