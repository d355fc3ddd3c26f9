import { median, type Measured } from './table.js'

const WIDTH = 640
const ROW = 28
const LEFT = 260

/** Bars of the times to the first output, as SVG. */
export function chartOf(measured: readonly Measured[]): string {
  const bars = measured.flatMap(({ keys, live, killed, flink }) => {
    const of = `${keys / 1e6} M keys`
    return [
      { name: `failure, ${of}`, ms: median(live.map((l) => l.failureToOutputMs)), color: '#2a6f97' },
      { name: `kill -9 and resubmit, ${of}`, ms: median(killed), color: '#61a5c2' },
      { name: `Flink, failure, ${of}`, ms: median(flink.map((f) => f.recover_first_output_ms)), color: '#adb5bd' },
    ].filter(({ ms }) => !Number.isNaN(ms))
  })
  const longest = Math.max(1, ...bars.map(({ ms }) => ms))
  const rows = bars.map(({ name, ms, color }, i) => {
    const y = 40 + i * ROW
    const width = Math.round(((WIDTH - LEFT - 90) * ms) / longest)
    return `<text x="${LEFT - 8}" y="${y + 14}" text-anchor="end">${name}</text><rect x="${LEFT}" y="${y}" width="${width}" height="18" fill="${color}"/><text x="${LEFT + width + 6}" y="${y + 14}">${Math.round(ms)} ms</text>`
  })
  const height = 52 + bars.length * ROW
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="13"><text x="12" y="22" font-size="15">To the first output, median</text>
${rows.join('\n')}
</svg>
`
}
