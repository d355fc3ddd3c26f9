import type { WatermarkStrategy, SplitReader } from '../contract/source.js'
import type { JsonValue } from '../contract/json.js'

/** One split being read: its reader and its own event time. */
export class SplitState {
  readonly id: string
  readonly reader: SplitReader<unknown, JsonValue>
  /** Never falls; -Infinity before the first record. */
  watermark: number
  /** Nothing to hand over at the moment; `available()` has been asked. */
  waiting = false
  /** Without records for longer than the idleness: does not hold the watermark back. */
  idle = false
  /** Since when it has had nothing to hand over when asked; time in which nobody asked does not count. */
  quietSinceMs: number | undefined
  private readonly outOfOrdernessMs: number

  constructor(
    id: string,
    reader: SplitReader<unknown, JsonValue>,
    watermark: number,
    generator: WatermarkStrategy<never>['generator'],
  ) {
    this.id = id
    this.reader = reader
    this.watermark = watermark
    this.outOfOrdernessMs = generator.kind === 'bounded' ? generator.outOfOrdernessMs : Infinity
  }

  /** Bounded disorder: max - D - 1 (Flink's BoundedOutOfOrdernessWatermarks). */
  observe(timestamp: number): void {
    const watermark = timestamp - this.outOfOrdernessMs - 1
    if (watermark > this.watermark) this.watermark = watermark
  }
}
