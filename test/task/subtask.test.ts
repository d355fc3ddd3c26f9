import { describe, expect, it } from 'vitest'
import type { ControlElement } from '../../runtime/exchange/element.js'
import { LocalChannel } from '../../runtime/exchange/local-channel.js'
import { InputGate } from '../../runtime/task/input-gate.js'
import { createRecordWriter } from '../../runtime/task/record-writer.js'
import { Subtask } from '../../runtime/task/subtask.js'
import { systemClock } from '../../runtime/worker/system-clock.js'

/** A subtask without operators between two channels in and one out. */
function passing() {
  const inputs = [new LocalChannel(16, 16, false), new LocalChannel(16, 16, false)]
  const output = new LocalChannel(16, 16, false)
  const subtask = new Subtask({
    task: 0,
    links: [],
    writers: [
      createRecordWriter({ partitioning: { kind: 'forward' }, combining: undefined }, [output], {
        maxParallelism: 128,
        subtask: 0,
        uid: 'sink',
      }),
    ],
    restoredWatermark: -Infinity,
    host: {
      clock: systemClock,
      wake: () => undefined,
      fail: (error) => {
        throw error
      },
      snapshotBegins: () => undefined,
      snapshotTaken: () => undefined,
      finished: () => undefined,
    },
  })
  const channels = inputs.map((reader) => ({ reader, input: 0 as const, keyOf: undefined }))
  subtask.connect(new InputGate(channels, subtask, -Infinity))
  const run = (...elements: readonly [channel: 0 | 1, element: ControlElement][]): ControlElement[] => {
    for (const [channel, element] of elements) expect(inputs[channel]!.tryWriteControl(element)).toBe(true)
    while (subtask.runOnce());
    const out: ControlElement[] = []
    for (let next = output.poll(); next !== undefined; next = output.poll()) out.push(next as ControlElement)
    return out
  }
  return { run }
}

describe('Subtask', () => {
  it('sends the last watermark before it says that it is idle: nobody takes one from an idle channel', () => {
    const { run } = passing()
    expect(run([0, { kind: 'watermark', time: 10 }], [1, { kind: 'watermark', time: 5 }])).toEqual([
      { kind: 'watermark', time: 5 },
    ])
    expect(run([0, { kind: 'idle' }], [1, { kind: 'idle' }])).toEqual([
      { kind: 'watermark', time: 10 },
      { kind: 'idle' },
    ])
  })

  it('says that it is back before it sends a watermark', () => {
    const { run } = passing()
    run([0, { kind: 'idle' }], [1, { kind: 'idle' }])
    expect(run([0, { kind: 'active' }], [0, { kind: 'watermark', time: 7 }])).toEqual([
      { kind: 'active' },
      { kind: 'watermark', time: 7 },
    ])
  })
})
