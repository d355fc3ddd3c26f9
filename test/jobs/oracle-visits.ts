// What page impressions and their sessions should be, by plain loops and one pattern. Shares no code with the jobs or the engine.

/** As the rules say them, written down a second time. */
export const BOT_WORDS: readonly string[] =
  'bot crawl spider slurp feed rss curl wget python libwww java/ httpclient monitor checker archiver facebookexternalhit'.split(
    ' ',
  )

/** As the rules say them, written down a second time. */
export const ASSET_ENDINGS: readonly string[] =
  '.png .jpg .jpeg .gif .ico .css .js .svg .woff .woff2 .ttf .eot .xml .txt .pdf .zip .gz .tgz .bz2 .tar .mp4 .webm .swf .map .json .rss .atom'.split(
    ' ',
  )

const COMBINED =
  /^([^\s]+) [^\s]+ [^\s]+ \[((?:\d\d)\/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\/\d{4}:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d [+-](?:[01]\d|2[0-3])[0-5]\d)\] "((?:[^"\\]|\\[^])*)" (\d{3}) (?:\d+|-) "(?:[^"\\]|\\[^])*" "((?:[^"\\]|\\[^])*)"\r?$/

/** A line of the combined log format as one pattern sees it. */
export function parseByPattern(
  line: string,
): { ip: string; time: number; request: string; status: number; userAgent: string } | undefined {
  const match = COMBINED.exec(line)
  if (match === null) return undefined
  const [, ip, when, request, status, userAgent] = match as unknown as string[]
  const [, day, month, year, clock, zone] = /^(..).(...).(....).(\S+) (.+)$/.exec(when!) as unknown as string[]
  const monthNumber = 'JanFebMarAprMayJunJulAugSepOctNovDec'.indexOf(month!) / 3 + 1
  const date = `${year}-${String(monthNumber).padStart(2, '0')}-${day}`
  const time = Date.parse(`${date}T${clock}${zone!.slice(0, 3)}:${zone!.slice(3)}`)
  // Date.parse may take the 31st of April for the 1st of May.
  if (Number.isNaN(time) || new Date(`${date}T00:00:00Z`).getUTCDate() !== Number(day)) return undefined
  return { ip: ip!, time, request: request!, status: Number(status), userAgent: userAgent! }
}

/** What becomes of the lines of an access log. */
export interface ExpectedVisits {
  readonly invalid: string[]
  readonly bots: string[]
  /** Lines of page impressions, in the order of the input. */
  readonly impressions: { readonly visitor: string; readonly time: number; readonly line: string }[]
  readonly others: number
}

/** Sorts out the lines of an access log. */
export function expectedVisits(lines: readonly string[]): ExpectedVisits {
  const expected = {
    invalid: [] as string[],
    bots: [] as string[],
    impressions: [] as { visitor: string; time: number; line: string }[],
    others: 0,
  }
  for (const line of lines) {
    const hit = parseByPattern(line)
    if (hit === undefined) {
      expected.invalid.push(line)
      continue
    }
    const agent = hit.userAgent.toLowerCase()
    if (hit.userAgent === '-' || BOT_WORDS.some((word) => agent.includes(word))) {
      expected.bots.push(line)
      continue
    }
    const [method, target = ''] = hit.request.split(' ')
    const path = target.split('?')[0]!.split('#')[0]!.toLowerCase()
    const isAsset = ASSET_ENDINGS.some((ending) => path.slice(-ending.length) === ending)
    if (method === 'GET' && [200, 304].includes(hit.status) && !isAsset) {
      expected.impressions.push({ visitor: `${hit.ip}|${hit.userAgent}`, time: hit.time, line })
    } else {
      expected.others++
    }
  }
  return expected
}

/** The sessions of page impressions, as lines of output, sorted. `page` says which of them are the same impression. */
export function expectedSessions(
  impressions: readonly { readonly visitor: string; readonly time: number; readonly page?: string }[],
  gapMs: number,
): string[] {
  const byVisitor = new Map<string, { time: number; page: string }[]>()
  impressions.forEach(({ visitor, time, page }, i) => {
    const own = byVisitor.get(visitor) ?? []
    own.push({ time, page: page ?? `line ${i}` })
    byVisitor.set(visitor, own)
  })
  const lines: string[] = []
  for (const [visitor, visits] of byVisitor) {
    visits.sort((a, b) => a.time - b.time)
    let from = 0
    for (let i = 1; i <= visits.length; i++) {
      if (i < visits.length && visits[i]!.time - visits[i - 1]!.time <= gapMs) continue
      const pages: string[] = []
      let end = visits[from]!.time
      for (const { time, page } of visits.slice(from, i)) {
        if (pages.includes(page)) continue
        pages.push(page)
        end = time
      }
      const start = visits[from]!.time
      const impressionCount = pages.length
      lines.push(
        JSON.stringify({
          visitor,
          start,
          end,
          impressions: impressionCount,
          bounce: impressionCount === 1,
          durationMs: end - start,
        }),
      )
      from = i
    }
  }
  return lines.sort()
}
