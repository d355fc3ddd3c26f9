// What the hot sensors job should write, by plain loops. Shares no code with the jobs or the engine.

/** A reading as the generator knows it. */
export interface KnownTemperature {
  readonly id: string
  readonly temp: number
  readonly status: string
  readonly time: number
}

/** A row of output. */
export interface SensorRow {
  readonly window: number
  readonly rank: number
  readonly id: string
  readonly currentTemp: number
  readonly status: string
}

/** All rows, by window and rank. */
export function expectedRows(readings: readonly KnownTemperature[], windowMs = 20_000): SensorRow[] {
  const windows = new Map<number, KnownTemperature[]>()
  for (const reading of readings) {
    const window = Math.floor(reading.time / windowMs) * windowMs
    windows.set(window, [...(windows.get(window) ?? []), reading])
  }
  const rows: SensorRow[] = []
  for (const [window, left] of [...windows].sort(([a], [b]) => a - b)) {
    // Picks the hottest again and again; of equal ones, the first by name and status.
    for (let rank = 1; left.length > 0; rank++) {
      let best = 0
      for (let i = 1; i < left.length; i++) if (comesBefore(left[i]!, left[best]!)) best = i
      const { id, temp, status } = left.splice(best, 1)[0]!
      rows.push({ window, rank, id, currentTemp: temp, status })
    }
  }
  return rows
}

function comesBefore(a: KnownTemperature, b: KnownTemperature): boolean {
  if (a.temp !== b.temp) return a.temp > b.temp
  if (a.id !== b.id) return a.id < b.id
  return a.status < b.status
}
