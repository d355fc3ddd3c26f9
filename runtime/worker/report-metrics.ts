import type { Clock } from '../contract/time.js'
import type { SlotLink } from '../task/slot.js'
import type { Subtask } from '../task/subtask.js'

const INTERVAL_MS = 250

/** Sends the slot's figures to the coordinator a few times a second until the result is called. */
export function reportMetrics(slot: number, subtasks: readonly Subtask[], clock: Clock, link: SlotLink): () => void {
  let cancel = (): void => {}
  const report = (): void => {
    const operators: Record<string, Record<string, number>> = {}
    let watermark = Infinity
    for (const subtask of subtasks) {
      if (subtask.source !== undefined) {
        operators[subtask.source.uid] = subtask.source.metrics.values()
        watermark = Math.min(watermark, subtask.currentWatermark)
      }
      for (const { uid, metrics } of subtask.links) operators[uid] = metrics.values()
    }
    link.send({ type: 'metrics', slot, metrics: { operators, watermark } })
    cancel = clock.setTimeout(report, INTERVAL_MS)
  }
  cancel = clock.setTimeout(report, INTERVAL_MS)
  return () => cancel()
}
