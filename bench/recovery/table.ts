import type { FlinkFigures } from './flink.js'
import type { CheckpointFigures, LiveFigures } from './live-run.js'

/** All runs over so many keys. */
export interface Measured {
  readonly keys: number
  readonly live: readonly LiveFigures[]
  /** From the kill to the first output, milliseconds. */
  readonly killed: readonly number[]
  readonly flink: readonly FlinkFigures[]
}

/** The middle one, or the mean of the two in the middle; NaN of nothing. */
export function median(numbers: readonly number[]): number {
  return (quantile(numbers, 0.5, Math.floor) + quantile(numbers, 0.5, Math.ceil)) / 2
}

/** A table in Markdown: medians with the least and the greatest, over all runs. */
export function tableOf(measured: readonly Measured[]): string {
  const lines = [
    `| | ${measured.map(({ keys }) => `${keys / 1e6} M keys`).join(' | ')} |`,
    `|---|${measured.map(() => '---').join('|')}|`,
  ]
  const row = (name: string, cell: (of: Measured) => string): void => {
    lines.push(`| ${name} | ${measured.map(cell).join(' | ')} |`)
  }
  row('barrier pause, p99 / max', ({ live }) => pauses(live.flatMap(both).flatMap((c) => c.pausesMs)))
  row('the same without a checkpoint', ({ live }) => pauses(live.flatMap(both).flatMap((c) => c.restPausesMs)))
  row('gaps of 0.5 ms and more in checkpoints, p99', ({ live }) =>
    ms(
      quantile(
        live.flatMap(both).flatMap((c) => c.gapsMs),
        0.99,
      ),
    ),
  )
  row('throughput in the full checkpoint', ({ live }) =>
    spread(
      live.map(({ full }) => full.throughput * 100),
      '%',
    ),
  )
  row('throughput in that of 1%', ({ live }) =>
    spread(
      live.map(({ partial }) => partial.throughput * 100),
      '%',
    ),
  )
  row('full checkpoint', ({ live }) => spread(live.map(({ full }) => full.ms)))
  row('checkpoint of 1% changed', ({ live }) => spread(live.map(({ partial }) => partial.ms)))
  row('its time of the full one', ({ live }) =>
    spread(
      live.map((l) => (100 * l.partial.ms) / l.full.ms),
      '%',
    ),
  )
  row('its bytes of the full one', ({ live }) =>
    spread(
      live.map((l) => (100 * l.partial.bytes) / l.full.bytes),
      '%',
    ),
  )
  row('failure to first output', ({ live }) => spread(live.map((l) => l.failureToOutputMs)))
  row('`kill -9` to first output', ({ killed }) => spread(killed))
  if (measured.some(({ flink }) => flink.length > 0)) {
    row('Flink: failure to first output', ({ flink }) => spread(flink.map((f) => f.recover_first_output_ms)))
    row('Flink: a checkpoint', ({ flink }) => spread(flink.map((f) => f.checkpoint_mean_ms)))
    row('Flink: newly written of all, MB', ({ flink }) => {
      const mb = (bytes: readonly number[]): string => (median(bytes) / 1e6).toFixed(0)
      return `${mb(flink.map((f) => f.checkpoint_last_written_bytes))} of ${mb(flink.map((f) => f.checkpoint_last_bytes))}`
    })
  }
  return lines.join('\n')
}

function both({ full, partial }: LiveFigures): readonly CheckpointFigures[] {
  return [full, partial]
}

function pauses(numbers: readonly number[]): string {
  return `${ms(quantile(numbers, 0.99))} / ${ms(quantile(numbers, 1))}`
}

function spread(numbers: readonly number[], unit: 'ms' | '%' = 'ms'): string {
  const shown = (n: number): string => (unit === 'ms' ? ms(n) : `${n.toFixed(1)}%`)
  return `${shown(median(numbers))} (${shown(quantile(numbers, 0))} to ${shown(quantile(numbers, 1))})`
}

function ms(n: number): string {
  return n < 100 ? `${n.toFixed(1)} ms` : `${Math.round(n)} ms`
}

function quantile(numbers: readonly number[], q: number, round: (n: number) => number = Math.ceil): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[round(q * (sorted.length - 1))] ?? NaN
}
