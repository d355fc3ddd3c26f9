import { describe, expect, it } from 'vitest'
import { WatermarkValve } from '../../runtime/task/watermark-valve.js'

function valve(channels: number, restored?: number) {
  const out: (number | string)[] = []
  const v = new WatermarkValve(
    channels,
    { watermark: (t) => out.push(t), status: (idle) => out.push(idle ? 'idle' : 'active') },
    restored,
  )
  return { v, out }
}

describe('WatermarkValve', () => {
  it('emits the minimum over all channels and nothing before each has one', () => {
    const { v, out } = valve(2)
    v.inputWatermark(0, 10)
    expect(out).toEqual([])
    v.inputWatermark(1, 5)
    v.inputWatermark(1, 20)
    expect(out).toEqual([5, 10])
  })

  it('never falls', () => {
    const { v, out } = valve(1)
    v.inputWatermark(0, 10)
    v.inputWatermark(0, 7)
    expect(out).toEqual([10])
  })

  it('does not go back behind a restored watermark', () => {
    const { v, out } = valve(2, 50)
    v.inputWatermark(0, 40)
    v.inputWatermark(1, 40)
    v.inputWatermark(0, 60)
    v.inputWatermark(1, 55)
    expect(out).toEqual([55])
  })

  it('leaves idle channels out', () => {
    const { v, out } = valve(2)
    v.inputWatermark(0, 10)
    v.inputStatus(1, true)
    expect(out).toEqual([10])
  })

  it('emits the maximum and then idle when all are idle', () => {
    const { v, out } = valve(2)
    v.inputWatermark(0, 10)
    v.inputWatermark(1, 4)
    v.inputStatus(1, true)
    v.inputStatus(0, true)
    expect(out).toEqual([4, 10, 'idle'])
  })

  it('lets a channel back from idleness join only when it has caught up', () => {
    const { v, out } = valve(2)
    v.inputWatermark(0, 10)
    v.inputWatermark(1, 2)
    v.inputStatus(1, true)
    v.inputStatus(1, false)
    v.inputWatermark(1, 5)
    v.inputWatermark(0, 12)
    expect(out).toEqual([2, 10, 12])
    v.inputWatermark(1, 13)
    v.inputWatermark(0, 20)
    expect(out).toEqual([2, 10, 12, 13])
  })

  it('ignores watermarks of idle channels', () => {
    const { v, out } = valve(2)
    v.inputStatus(1, true)
    v.inputWatermark(1, 100)
    v.inputWatermark(0, 3)
    expect(out).toEqual([3])
  })

  it('does not end time while an idle channel has not ended', () => {
    const { v, out } = valve(2)
    v.inputWatermark(0, 10)
    v.inputWatermark(1, 5)
    v.inputStatus(1, true)
    v.inputWatermark(0, Infinity)
    expect(out).toEqual([5, 10, 'idle'])
    v.inputStatus(1, false)
    v.inputWatermark(1, 20)
    v.inputWatermark(1, Infinity)
    expect(out).toEqual([5, 10, 'idle', 'active', 20, Infinity])
  })

  it('leaves ended channels out of the minimum', () => {
    const { v, out } = valve(2)
    v.inputWatermark(0, Infinity)
    v.inputWatermark(1, 5)
    v.inputWatermark(1, Infinity)
    expect(out).toEqual([5, Infinity])
  })
})
