import { ENGINE_METRICS, METRICS_LEVELS } from '../../runtime/metrics/catalogue.js'

/** The rows of docs/guides/metrics.md's table, made of the catalogue itself. */
export function metricTable(): string[] {
  const rows = ENGINE_METRICS.map(({ name, unit, levels, meaning }) => [
    `\`${name}\``,
    unit,
    levels.length === METRICS_LEVELS.length ? 'all' : levels.join(', '),
    meaning,
  ])
  const head = ['metric', 'unit', 'levels', 'meaning']
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}
