import { describe, expect, it } from 'vitest'
import { MillraceError } from '../../runtime/contract/errors.js'
import type { KeyedBackend } from '../../runtime/state/keyed-backend.js'
import type { Link, LinkSnapshot } from '../../runtime/task/link.js'
import { SnapshotEncoder, type SegmentWriter } from '../../runtime/task/snapshot-encoder.js'
import { VirtualClock } from '../../runtime/testing/virtual-clock.js'
import type { SubtaskSnapshot } from '../../runtime/task/subtask.js'
import type { OperatorSnapshot } from '../../runtime/worker/protocol.js'

const SEGMENT = { path: 's' }

/** Every run of segments takes one slice. */
const segments: SegmentWriter = {
  begin: () => ({ slice: () => true, finish: () => Promise.resolve([SEGMENT as never]) }),
}

function snapshot(checkpointId: number): SubtaskSnapshot {
  const operator = { uid: 'op', committables: ['part'] } as unknown as LinkSnapshot
  return { task: 0, checkpointId, operators: [operator] }
}

function encoder(writer: SegmentWriter = segments) {
  const acks: { id: number; operators: readonly OperatorSnapshot[] }[] = []
  const aborted: number[] = []
  const declined: unknown[] = []
  const backend = { abortCheckpoint: (id: number) => aborted.push(id) } as unknown as KeyedBackend
  const links = [{ uid: 'op', backend } as unknown as Link]
  const encoding = new SnapshotEncoder(writer, new VirtualClock(0), {
    done: ({ checkpointId }, operators) => acks.push({ id: checkpointId, operators }),
    declined: ({ checkpointId }, uid, error) => declined.push({ id: checkpointId, uid, error }),
    failed: (error) => {
      throw error
    },
    wake: () => {},
  })
  return { encoding, acks, aborted, declined, links }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('SnapshotEncoder', () => {
  it('acknowledges what it has stored', async () => {
    const { encoding, acks, links } = encoder()
    encoding.add(snapshot(1), links)
    expect(encoding.slice(false)).toBe(true)
    await settled()
    expect(acks).toEqual([{ id: 1, operators: [{ uid: 'op', committables: ['part'], segments: [SEGMENT] }] }])
  })

  it('hands over the committables of an aborted checkpoint, without its state', () => {
    const { encoding, acks, links } = encoder()
    encoding.add(snapshot(1), links)
    encoding.abort(1)
    expect(acks).toEqual([{ id: 1, operators: [{ uid: 'op', committables: ['part'], segments: [] }] }])
    expect(encoding.hasWork()).toBe(false)
  })

  it('lets state be frozen again once all rows of the checkpoint before are taken, stored or not', async () => {
    const stored = new Map<number, (refs: []) => void>()
    const { encoding, acks, links } = encoder({
      begin: (_, id) => ({
        slice: () => true,
        finish: () => new Promise((resolve) => stored.set(id, resolve)),
      }),
    })
    expect(encoding.untaken(0)).toBe(undefined)
    encoding.add(snapshot(1), links)
    const free = encoding.untaken(0)
    expect(free).toBeInstanceOf(Promise)
    encoding.slice(false)
    await free
    expect(encoding.untaken(0)).toBe(undefined)
    encoding.add(snapshot(2), links)
    encoding.slice(false)
    // In order, whichever is stored first: with the later one all of the earlier one has arrived.
    stored.get(2)!([])
    await settled()
    expect(acks).toEqual([])
    stored.get(1)!([])
    await settled()
    expect(acks.map(({ id }) => id)).toEqual([1, 2])
  })

  it('lets state be frozen again when the checkpoint before is given up', async () => {
    const { encoding, acks, links } = encoder()
    encoding.add(snapshot(1), links)
    const free = encoding.untaken(0)
    encoding.abort(1)
    await free
    expect(acks.map(({ id, operators }) => [id, operators[0]!.segments])).toEqual([[1, []]])
  })

  it('declines what storage does not take, and hands over the rest', async () => {
    const error = new MillraceError('MILLRACE_STORAGE', 'disk full')
    const { encoding, acks, declined, links } = encoder({
      begin: () => ({ slice: () => true, finish: () => Promise.reject(error) }),
    })
    encoding.add(snapshot(1), links)
    encoding.slice(false)
    await settled()
    expect(declined).toEqual([{ id: 1, uid: 'op', error }])
    expect(acks).toEqual([{ id: 1, operators: [{ uid: 'op', committables: ['part'], segments: [] }] }])
  })

  it('encodes nothing of a checkpoint that was aborted before its barrier came through', () => {
    const { encoding, acks, aborted, links } = encoder()
    encoding.abort(1)
    encoding.add(snapshot(1), links)
    expect(acks.map(({ operators }) => operators[0]!.segments)).toEqual([[]])
    expect(aborted).toEqual([1])
    expect(encoding.hasWork()).toBe(false)
    encoding.add(snapshot(2), links)
    expect(encoding.hasWork()).toBe(true)
  })

  it('lets records come first while the slot is busy and encoding has had its share, and goes on as soon as it is idle', () => {
    const clock = new VirtualClock(0)
    let slices = 0
    const slow: SegmentWriter = {
      begin: () => ({
        slice: () => {
          slices++
          clock.advanceTo(clock.now() + 10)
          return false
        },
        finish: () => Promise.resolve([]),
      }),
    }
    const encoding = new SnapshotEncoder(slow, clock, {
      done: () => {},
      declined: () => {},
      failed: () => {},
      wake: () => {},
    })
    clock.advanceTo(10_000)
    encoding.add(snapshot(1), encoder().links)
    expect(encoding.slice(true)).toBe(true)
    expect(encoding.slice(true)).toBe(false)
    expect(encoding.hasWork()).toBe(true)
    expect(encoding.slice(false)).toBe(true)
    expect(slices).toBe(2)
  })
})
