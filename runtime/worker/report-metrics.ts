import type { Clock } from '../contract/time.js'
import type { SlotFigures, ThreadUsage } from '../metrics/figures.js'
import type { Slot, SlotLink } from '../task/slot.js'
import type { Subtask } from '../task/subtask.js'
import type { SlotMetrics } from './protocol.js'

const INTERVAL_MS = 250

/** What a slot reports of. */
export interface ReportedSlot {
  readonly number: number
  readonly slot: Slot
  readonly subtasks: readonly Subtask[]
  readonly clock: Clock
  readonly link: SlotLink
  /** Absent where slots share a thread. */
  readonly usage?: () => ThreadUsage
}

/** The reports of a slot. */
export interface Reports {
  /** Sends the figures now: the last ones, before the slot says that it is closed. */
  readonly last: () => void
  readonly stop: () => void
}

/** Sends the slot's figures to the coordinator a few times a second until it is stopped. */
export function reportMetrics(of: ReportedSlot): Reports {
  const { clock, link, number } = of
  let cancel = (): void => {}
  const send = (): void => {
    link.send({ type: 'metrics', slot: number, metrics: { ...totalsOf(of), figures: figuresOf(of) } })
  }
  const report = (): void => {
    send()
    cancel = clock.setTimeout(report, INTERVAL_MS)
  }
  cancel = clock.setTimeout(report, INTERVAL_MS)
  return { last: send, stop: () => cancel() }
}

function totalsOf({ subtasks }: ReportedSlot): Omit<SlotMetrics, 'figures'> {
  const operators: Record<string, Record<string, number>> = {}
  let watermark = Infinity
  for (const subtask of subtasks) {
    if (subtask.source !== undefined) {
      operators[subtask.source.uid] = subtask.source.metrics.counts()
      watermark = Math.min(watermark, subtask.currentWatermark)
    }
    for (const { uid, metrics } of subtask.links) operators[uid] = metrics.counts()
  }
  return { operators, watermark }
}

function figuresOf({ slot, subtasks, usage }: ReportedSlot): SlotFigures {
  const members = subtasks.flatMap(({ source, links }) => [...(source === undefined ? [] : [source]), ...links])
  return {
    operators: members.map(({ uid, metrics }) => ({ uid, figures: metrics.figures() })),
    tasks: slot.times(),
    ...(usage === undefined ? {} : { thread: usage() }),
  }
}
