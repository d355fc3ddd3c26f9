const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** `1,234,567`. */
export function formatCount(count: number): string {
  return grouped.format(count)
}

/** `34 ms`, `1.2 s`, `2 min 5 s`. */
export function formatMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** `512 B`, `3.4 KB`, `1.2 GB`; units are powers of 1,024. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  let value = bytes / 1024
  let unit = 0
  while (value >= 1024 && unit < 3) {
    value /= 1024
    unit++
  }
  return `${value.toFixed(1)} ${['KB', 'MB', 'GB', 'TB'][unit]}`
}

/** Event time as ISO time; a dash before there is any. */
export function formatWatermark(watermark: number): string {
  if (watermark === Infinity) return 'end of input'
  // Outside of what a date can hold.
  if (!(Math.abs(watermark) <= 8.64e15)) return '-'
  return new Date(watermark).toISOString()
}
