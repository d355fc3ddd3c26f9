// What the wind turbine job should write, by plain loops. Shares no code with the jobs or the engine.

/** A reading as the generator knows it. */
export interface KnownReading {
  readonly id: string
  readonly number: string
  readonly time: number
}

/** All numbers are whole multiples of this part of one. */
const PARTS = 10n ** 200n

/** The lines of output, sorted, for these readings. */
export function expectedAlerts(readings: readonly KnownReading[], threshold = 60, windowMs = 60_000): string[] {
  const windows = new Map<string, { id: string; start: number; numbers: string[] }>()
  for (const { id, number, time } of readings) {
    const start = time - (((time % windowMs) + windowMs) % windowMs)
    const name = `${start} ${id}`
    const window = windows.get(name) ?? { id, start, numbers: [] }
    window.numbers.push(number)
    windows.set(name, window)
  }
  const lines: string[] = []
  for (const { id, start, numbers } of windows.values()) {
    let sum = 0n
    for (const number of numbers) sum += partsOf(number)
    const average = sum / (PARTS * BigInt(numbers.length))
    if (average > threshold) {
      lines.push(
        `{"turbineID":${JSON.stringify(id)},"avgSpeed":${average},"windowStart":${start},"windowEnd":${start + windowMs}}`,
      )
    }
  }
  return lines.sort()
}

function partsOf(number: string): bigint {
  const [mantissa = '', exponent = '0'] = number.toUpperCase().split('E')
  const negative = mantissa.startsWith('-')
  const [whole = '', fraction = ''] = mantissa.replace(/^[+-]/, '').split('.')
  const parts = BigInt(whole + fraction) * 10n ** BigInt(200 + Number(exponent) - fraction.length)
  return negative ? -parts : parts
}
