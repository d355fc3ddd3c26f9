// What the events by country job should write, by plain loops. Shares no code with the jobs or the engine.

/** An event as the generator knows it. */
export interface KnownEvent {
  readonly country: string
  readonly time: number
}

/** The lines of output, sorted. */
export function expectedCounts(events: readonly KnownEvent[], windowMs = 60_000): string[] {
  const countries = [...new Set(events.map(({ country }) => country))]
  const starts = [...new Set(events.map(({ time }) => time - (((time % windowMs) + windowMs) % windowMs)))]
  const lines: string[] = []
  for (const country of countries) {
    for (const start of starts) {
      const end = start + windowMs
      const inIt = events.filter((one) => one.country === country && one.time >= start && one.time < end).length
      if (inIt > 0) lines.push(JSON.stringify({ country, windowStart: start, windowEnd: end, events: inIt }))
    }
  }
  return lines.sort()
}
