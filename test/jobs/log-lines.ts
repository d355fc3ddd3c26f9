import type { RandomSource } from '../oracles/random-source.js'

/** A line of an access log, and whether it is far behind the newest one. */
export interface LogLine {
  readonly line: string
  readonly late: boolean
}

/** How the lines of a file are to be. */
export interface LogLinesOptions {
  readonly count: number
  readonly startMs: number
  /** The longest step from one line to the next. */
  readonly stepMs: number
  /** Lines are behind the newest one by this at most, `late` ones by more. */
  readonly disorderMs: number
  /** Part of the lines. */
  readonly late?: number
}

const IPS = ['192.0.2.1', '192.0.2.2', '198.51.100.3', '2001:db8::4']
const BROWSERS = ['Mozilla/5.0 (X11)', 'Mozilla/5.0 (\\"Phone\\" \\\\)', '', 'Größe/1.0 風']
const BOTS = ['-', 'Googlebot/2.1', 'CURL/8.5.0', 'Java/17', 'Some RSS Reader']
const REQUESTS = ['GET / HTTP/1.1', 'GET /a?b=c.png HTTP/1.1', 'GET /b#x HTTP/1.0', 'GET /c.html HTTP/2.0']
const OTHER_REQUESTS = ['GET /a.PNG?x HTTP/1.1', 'POST / HTTP/1.1', '-', 'HEAD / HTTP/1.1', 'GET /s.css#a HTTP/1.1']
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** Lines of a file in which event time goes on, every kind of line among them. */
export function logLines(random: RandomSource, options: LogLinesOptions): LogLine[] {
  const { count, startMs, stepMs, disorderMs, late = 0 } = options
  const lines: LogLine[] = []
  let newest = startMs
  for (let i = 0; i < count; i++) {
    const isLate = i > 20 && random.chance(late)
    if (!isLate) newest += random.below(stepMs / 1000 + 1) * 1000
    const disorder = random.chance(0.2) ? disorderMs / 1000 : random.below(disorderMs / 1000 + 1)
    const behind = isLate ? disorderMs / 1000 + 1 + random.below((40 * disorderMs) / 1000) : disorder
    lines.push({ line: lineAt(random, newest - behind * 1000), late: isLate })
  }
  return lines
}

function lineAt(random: RandomSource, time: number): string {
  const kind = random.below(20)
  const userAgent = kind === 0 ? random.pick(BOTS) : random.pick(BROWSERS)
  const request = kind === 1 ? random.pick(OTHER_REQUESTS) : random.pick(REQUESTS)
  const status = kind === 2 ? random.pick([301, 404, 500]) : random.pick([200, 304])
  const line = `${random.pick(IPS)} - - [${logTime(time, random.pick([0, 60, -330]))}] "${request}" ${status} ${random.pick(['-', '512'])} "-" "${userAgent}"`
  if (kind === 3)
    return random.pick([
      '',
      ' ',
      line.slice(0, 50),
      `${line} `,
      line.replace('[', ''),
      line.replace(' 200 ', ' 2000 ').replace(' 304 ', ' '),
    ])
  return line
}

/** `17/May/2015:10:05:03 +0000`, as a clock in that zone shows it. */
export function logTime(time: number, zoneMinutes = 0): string {
  const local = new Date(time + zoneMinutes * 60_000)
  const two = (n: number): string => String(n).padStart(2, '0')
  const day = `${two(local.getUTCDate())}/${MONTHS[local.getUTCMonth()]!}/${local.getUTCFullYear()}`
  const clock = local.toISOString().slice(11, 19)
  const ahead = Math.abs(zoneMinutes)
  return `${day}:${clock} ${zoneMinutes < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}${two(ahead % 60)}`
}
