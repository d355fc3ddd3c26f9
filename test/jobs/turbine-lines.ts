import type { RandomSource } from '../oracles/random-source.js'
import type { KnownReading } from './oracle-turbines.js'

/** A line of input and what should become of it. */
export type TurbineLine =
  | { readonly kind: 'reading'; readonly line: string; readonly reading: KnownReading; readonly late: boolean }
  | { readonly kind: 'invalid' | 'skipped' | 'blank'; readonly line: string }

/** How the lines of a file are to be. */
export interface TurbineLinesOptions {
  readonly count: number
  readonly startMs: number
  /** Readings are behind the newest one by this at most, `late` ones by far more. */
  readonly disorderMs: number
  /** Part of the readings. */
  readonly late?: number
}

const IDS = [
  'turbine-1',
  'turbine-2',
  'turbine-3',
  '',
  '__proto__',
  'Größe',
  '風車',
  '"',
  'a\\b',
  '\u2028',
  '🌬️',
  'constructor',
]
const NUMBERS = [
  '60',
  '61',
  '60.99999999999999999999',
  '-3.5',
  '1E+30',
  '12345678901234567890',
  '0.1',
  '+75',
  '1e-130',
  '007',
  '-0',
  '61.0',
]

/** Lines of a file in which event time goes on, every kind of line among them. */
export function turbineLines(random: RandomSource, options: TurbineLinesOptions): TurbineLine[] {
  const { count, startMs, disorderMs, late = 0 } = options
  const lines: TurbineLine[] = []
  let newest = startMs
  for (let i = 0; i < count; i++) {
    const kind = random.below(20)
    if (kind === 0) lines.push(invalidLine(random, newest))
    else if (kind === 1)
      lines.push({
        kind: 'skipped',
        line: changeLine({ id: 'turbine-1', number: '99', time: newest }, 'REMOVE', false),
      })
    else if (kind === 2) lines.push({ kind: 'blank', line: random.pick(['', ' ', '\t']) })
    else {
      const isLate = i > 20 && random.chance(late)
      newest = isLate ? newest : newest + random.below(1500)
      const behind = isLate ? 200_000 + random.below(100_000) : random.below(disorderMs + 1)
      const number = random.chance(0.3) ? random.pick(NUMBERS) : String(random.between(30, 90))
      const reading = { id: random.pick(IDS), number, time: newest - behind }
      const line = changeLine(reading, random.pick(['INSERT', 'MODIFY']), random.chance(0.3))
      lines.push({ kind: 'reading', line, reading, late: isLate })
    }
  }
  return lines
}

/** A change record, the time in milliseconds or microseconds. */
export function changeLine({ id, number, time }: KnownReading, eventName = 'INSERT', micros = false): string {
  return JSON.stringify({
    eventName,
    dynamodb: {
      ApproximateCreationDateTime: micros ? time * 1000 + 999 : time,
      ...(micros ? { ApproximateCreationDateTimePrecision: 'MICROSECOND' } : {}),
      ...(eventName === 'REMOVE' ? {} : { NewImage: { deviceID: { S: id }, value: { N: number } } }),
    },
  })
}

function invalidLine(random: RandomSource, time: number): TurbineLine {
  const good = changeLine({ id: 'turbine-1', number: '61', time })
  const line = random.pick([
    good.slice(0, 40),
    good.replace('INSERT', 'DELETE'),
    good.replace('"61"', '61'),
    good.replace('"61"', '"6l"'),
    good.replace('"turbine-1"', '"\\ud800"'),
    good.replace(String(time), `"${time}"`),
    'null',
    'not JSON at all: 風',
  ])
  return { kind: 'invalid', line }
}
