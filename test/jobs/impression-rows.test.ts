import { describe, expect, it } from 'vitest'
import pageImpressions from '../../jobs/pageImpressions.js'
import { runInProcess } from '../../runtime/testing/run-in-process.js'
import { randomSource } from '../oracles/random-source.js'
import { byPage, expectedImpressions, isKnownBot, SNEAKY, visitorBeacons, type KnownBeacon } from './oracle-beacons.js'
import { committedLines, inputFolder, runJob, suspendAfter, temporaryFolder } from './run-job.js'

const START = Date.UTC(2024, 0, 15, 6)
const OUTPUTS = ['output', 'impressions', 'bots', 'invalid'] as const

/** Nobody's table says that this one is a bot: here it is a person. */
const asPerson = (beacon: KnownBeacon): KnownBeacon =>
  beacon.userAgent === SNEAKY ? { ...beacon, userAgent: 'Mozilla/5.0' } : beacon
const rowsOf = (lines: readonly string[]): unknown[] =>
  lines
    .map((line) => JSON.parse(line) as { pageImpression: string; orders: unknown[] })
    .sort(byPage)
    .map(({ orders: _, ...row }) => row)

/** The beacons dealt to files, each in order of time. */
async function dealt(beacons: readonly KnownBeacon[], files: number): Promise<string> {
  const lines: string[] = Array.from({ length: files }, () => '')
  beacons.forEach((beacon, i) => (lines[i % files] += `${JSON.stringify(beacon)}\n`))
  return `file:${await inputFolder(Object.fromEntries(lines.map((text, i) => [`${i}.jsonl`, text])))}`
}

describe('rows of page impressions', () => {
  it.each([1, 2])('hold what plain loops find, at every parallelism (seed %d)', async (seed) => {
    const beacons = visitorBeacons(randomSource(seed), 150, START).map(asPerson)
    const params = { input: await dealt(beacons, 3), format: 'beacons' }
    const expected = expectedImpressions(beacons)
    expect(expected.length).toBeGreaterThan(300)
    for (const parallelism of [1, 2, 4]) {
      const { result, lines } = await runJob(pageImpressions, OUTPUTS, { params, parallelism })
      expect(result.status).toBe('FINISHED')
      expect(rowsOf(lines.impressions)).toEqual(expected)
      expect(lines.bots).toHaveLength(beacons.filter(isKnownBot).length)
      expect(lines.invalid).toEqual([])
    }
  })

  it('are the same after restarts', async () => {
    const beacons = visitorBeacons(randomSource(3), 500, START).map(asPerson)
    const impressions = await temporaryFolder()
    const params = {
      ...{ input: await dealt(beacons, 2), format: 'beacons', bots: `file:${await temporaryFolder()}` },
      ...{ impressions: `file:${impressions}`, output: `file:${await temporaryFolder()}` },
    }
    const checkpointDirectory = await temporaryFolder()
    const statuses: string[] = []
    for (const [parallelism, looks] of [
      [2, 80],
      [3, 80],
      [1, undefined],
    ] as const) {
      const options = { params, parallelism, checkpointDirectory, ...suspendAfter(looks) }
      statuses.push((await runInProcess(pageImpressions, options)).status)
    }
    expect(statuses).toEqual(['SUSPENDED', 'SUSPENDED', 'FINISHED'])
    expect(rowsOf(await committedLines(impressions))).toEqual(expectedImpressions(beacons))
  })

  it('carry the orders of the page, each id once', async () => {
    const said = { customer: 'c', session: 's', pageImpression: 'p', url: 'u', userAgent: 'B', testGroup: 'A' }
    const order = { id: '7', value: 9.5 }
    const beacons = [
      { ...said, type: 'navigation', time: START, order },
      { ...said, type: 'load', time: START + 5, timers: { fcp: 3 }, order },
      { ...said, type: 'event', time: START + 9, event: 'click', order: { id: '8' } },
      { ...said, pageImpression: 'only an event', type: 'event', time: START, event: 'click' },
    ]
    const input = `file:${await inputFolder({ 'a.jsonl': beacons.map((one) => `${JSON.stringify(one)}\n`).join('') })}`
    const { lines } = await runJob(pageImpressions, OUTPUTS, { params: { input, format: 'beacons' } })
    expect(lines.impressions.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        ...said,
        ...{ start: START, end: START + 9, timers: { fcp: 3 }, events: { click: 1 } },
        orders: [
          { id: '7', value: 9.5 },
          { id: '8', value: null },
        ],
      },
    ])
  })

  it.each([
    [{ order: {} }, 'order has no id'],
    [{ order: 5 }, 'order has no id'],
    [{ order: { id: 'x', value: '5' } }, "order's value is not a number"],
    [{ customer: 5 }, 'customer is not a string'],
    [{ customer: 'x'.repeat(513) }, 'customer is no name of 512 bytes at most'],
    [{ customer: 'é'.repeat(86) }, 'customer is no name of 512 bytes at most'],
    [{ customer: '\ud800' }, 'customer is no name of 512 bytes at most'],
    [{ testGroup: [] }, 'testGroup is not a string'],
  ])('refuse %j', async (wrong, reason) => {
    const beacon = {
      type: 'navigation',
      session: 's',
      pageImpression: 'p',
      time: START,
      url: '',
      userAgent: 'B',
      ...wrong,
    }
    const input = `file:${await inputFolder({ 'a.jsonl': `${JSON.stringify(beacon)}\n` })}`
    const { lines } = await runJob(pageImpressions, OUTPUTS, { params: { input, format: 'beacons' } })
    expect(lines.invalid.map((line) => JSON.parse(line).reason as string)).toEqual([reason])
  })

  it('take no parameters that would be ignored', () => {
    const codeOf = (params: Record<string, string>): unknown => {
      try {
        pageImpressions.build(params)
      } catch (error) {
        return (error as { code: unknown }).code
      }
      return undefined
    }
    const rows = { format: 'beacons', impressions: 'file:rows' }
    expect(codeOf({ ...rows, orderTable: 'orders', orderSalt: 'salt', duplicateOrders: 'file:dup' })).toBeUndefined()
    expect(codeOf({ botTable: 'bots' })).toBeUndefined()
    for (const params of [
      { impressions: 'file:rows' },
      { format: 'beacons', orderTable: 'orders', orderSalt: 'salt' },
      { ...rows, orderTable: 'orders' },
      { ...rows, orderSalt: 'salt' },
      { ...rows, duplicateOrders: 'file:dup' },
    ]) {
      expect(codeOf(params), JSON.stringify(params)).toBe('MILLRACE_PARAM')
    }
  })
})
