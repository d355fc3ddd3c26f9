// Beacons of made-up visitors, and what should be known of them, by plain loops. Shares no code with the jobs or the engine.
import type { RandomSource } from '../oracles/random-source.js'

/** A beacon as the generator knows it. */
export interface KnownBeacon {
  readonly type: 'navigation' | 'load' | 'event'
  readonly customer: string
  readonly session: string
  readonly pageImpression: string
  readonly time: number
  readonly url: string
  readonly userAgent: string
  readonly testGroup: string
  readonly timers?: Readonly<Record<string, number>>
  readonly event?: string
  readonly order?: { readonly id: string; readonly value: number }
}

/** The row of a page impression, its orders left out: which of two beacons has an order is not for this oracle to say. */
export interface KnownRow {
  readonly customer: string
  readonly session: string
  readonly pageImpression: string
  readonly start: number
  readonly end: number
  readonly url: string
  readonly userAgent: string
  readonly testGroup: string
  readonly timers: Readonly<Record<string, number>> | null
  readonly events: Readonly<Record<string, number>>
}

const BROWSERS = ['Mozilla/5.0 (X11) Firefox/121.0', 'Mozilla/5.0 (Größe) 風']

/** A bot that only behaviour gives away: no word in its user agent does. */
export const SNEAKY = 'Mozilla/5.0 (Sneaky)'
/** One that its words give away. */
export const CRAWLER = 'Crawler/2.0'

/** So many sessions, each of some page impressions minutes apart, begun one after the other; by time. About nine beacons a session. */
export function visitorBeacons(random: RandomSource, sessions: number, startMs: number): KnownBeacon[] {
  const beacons: KnownBeacon[] = []
  for (let s = 0; s < sessions; s++) {
    const visitor = {
      customer: random.pick(['shop', 'forum', 'größe & söhne']),
      session: `session-${s}`,
      userAgent: random.chance(0.08) ? SNEAKY : random.chance(0.08) ? CRAWLER : random.pick(BROWSERS),
      testGroup: random.pick(['A', 'B']),
    }
    let time = startMs + s * 20_000
    for (let page = random.between(1, 5); page > 0; page--) {
      const confirms = random.chance(0.2)
      const order = { id: `order-${random.below(Math.max(1, sessions / 5))}`, value: random.between(1, 999) / 10 }
      const common = {
        ...visitor,
        pageImpression: `page-${s}-${page}`,
        url: `https://${visitor.customer}.example/${page}`,
        ...(confirms ? { order } : {}),
      }
      // Beacons get lost, and are sent twice.
      if (!random.chance(0.1)) beacons.push({ ...common, type: 'navigation', time })
      const timers = { fcp: random.below(2_000), lcp: random.below(4_000), load: random.below(6_000) }
      const load: KnownBeacon = { ...common, type: 'load', time: time + timers.load, timers }
      if (!random.chance(0.2)) beacons.push(load)
      if (random.chance(0.1)) beacons.push(load)
      for (let n = random.below(3); n > 0; n--) {
        const { order: _, ...plain } = common as KnownBeacon
        beacons.push({
          ...plain,
          type: 'event',
          time: time + random.below(60_000),
          event: random.pick(['click', 'error']),
        })
      }
      time += random.between(60_000, 600_000)
      // Away for longer than a session lasts.
      if (random.chance(0.1)) time += 7_200_000
    }
  }
  return beacons.sort((a, b) => a.time - b.time)
}

/** Whether a beacon is a bot's. */
export function isKnownBot({ userAgent }: KnownBeacon): boolean {
  return userAgent === SNEAKY || userAgent === CRAWLER
}

/** The rows of people's page impressions, by session and page impression. */
export function expectedImpressions(beacons: readonly KnownBeacon[]): KnownRow[] {
  const pages = new Map<string, KnownBeacon[]>()
  for (const beacon of beacons) {
    if (isKnownBot(beacon)) continue
    pages.set(beacon.pageImpression, [...(pages.get(beacon.pageImpression) ?? []), beacon])
  }
  const rows: KnownRow[] = []
  for (const all of pages.values()) {
    const tells = all.filter(({ type }) => type !== 'event')
    if (tells.length === 0) continue
    const { customer, session, pageImpression, url, userAgent, testGroup } = all[0]!
    const times = all.map(({ time }) => time)
    const happened = new Set(all.flatMap(({ time, event }) => (event === undefined ? [] : [`${event} ${time}`])))
    const events: Record<string, number> = {}
    for (const name of ['click', 'error']) {
      const times = [...happened].filter((one) => one.startsWith(name)).length
      if (times > 0) events[name] = times
    }
    rows.push({
      ...{ customer, session, pageImpression, url, userAgent, testGroup, events },
      start: Math.min(...times),
      end: Math.max(...times),
      timers: all.find(({ type }) => type === 'load')?.timers ?? null,
    })
  }
  return rows.sort(byPage)
}

/** An order for rows. */
export function byPage(a: { readonly pageImpression: string }, b: { readonly pageImpression: string }): number {
  return a.pageImpression < b.pageImpression ? -1 : 1
}
