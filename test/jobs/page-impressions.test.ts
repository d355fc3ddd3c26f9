import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import pageImpressions from '../../jobs/pageImpressions.js'
import { runInProcess } from '../../runtime/testing/run-in-process.js'
import { systemClock } from '../../runtime/worker/system-clock.js'
import { randomSource } from '../oracles/random-source.js'
import { logLines, logTime, type LogLine } from './log-lines.js'
import { expectedSessions, expectedVisits } from './oracle-visits.js'
import { REAL_ACCESS_LOG } from './real-data.js'
import { committedLines, counter, inputFolder, runJob, suspendAfter, temporaryFolder, withoutLines } from './run-job.js'

const START = Date.UTC(2024, 0, 15, 6)
const MINUTE = 60_000
const PARALLELISMS = [1, 2, 4, 8]
const OUTPUTS = ['output', 'late', 'invalid', 'bots'] as const

const textOf = (lines: readonly LogLine[]): string => lines.map(({ line }) => `${line}\n`).join('')
const filesOf = (files: readonly LogLine[][]): Record<string, string> =>
  Object.fromEntries(files.map((lines, i) => [`${i}.log`, textOf(lines)]))
const page = (time: number, visitor = '192.0.2.1'): string =>
  `${visitor} - - [${logTime(time)}] "GET / HTTP/1.1" 200 5 "-" "Browser"\n`

describe('pageImpressions of an access log', () => {
  it.each([1, 2, 3])('are the sessions that plain loops find, at every parallelism (seed %d)', async (seed) => {
    const random = randomSource(seed)
    const files = [0, 1, 2, 3, 4].map((i) =>
      logLines(random, {
        count: 100 + 150 * i,
        startMs: START + i * 30 * MINUTE,
        stepMs: 4 * MINUTE,
        disorderMs: 10 * MINUTE,
      }),
    )
    const input = `file:${await inputFolder(filesOf(files))}`
    const lines = files.flat().map(({ line }) => line)
    const expected = expectedVisits(lines)
    const sessions = expectedSessions(expected.impressions, 30 * MINUTE)
    expect(sessions.length).toBeGreaterThan(20)
    for (const parallelism of PARALLELISMS) {
      const run = await runJob(pageImpressions, OUTPUTS, { params: { input }, parallelism })
      expect(run.result.status).toBe('FINISHED')
      expect(run.lines.output).toEqual(sessions)
      expect(run.lines.bots).toEqual([...expected.bots].sort())
      expect(run.lines.invalid.map((line) => JSON.parse(line).raw as string).sort()).toEqual(
        [...expected.invalid].sort(),
      )
      expect(run.lines.late).toEqual([])
      expect(counter(run.result, 'impressions', 'otherRequests')).toBe(expected.others)
      expect(counter(run.result, 'impressions', 'bots')).toBe(expected.bots.length)
      expect(counter(run.result, 'visits', 'numRecordsIn')).toBe(lines.length)
    }
  })

  it.each([4, 5, 6])('are those of the lines that are not in late (seed %d)', async (seed) => {
    const random = randomSource(seed)
    const files = [0, 1, 2].map(() =>
      logLines(random, { count: 2500, startMs: START, stepMs: 1_000, disorderMs: 30_000, late: 0.05 }),
    )
    const params = { input: `file:${await inputFolder(filesOf(files))}`, gap: '5s', maxOutOfOrderness: '30s' }
    const { impressions } = expectedVisits(files.flat().map(({ line }) => line))
    const mayBeLate = new Set(files.flat().flatMap(({ line, late }) => (late ? [line] : [])))
    for (const parallelism of PARALLELISMS) {
      const { lines } = await runJob(pageImpressions, OUTPUTS, { params, parallelism })
      expect(lines.late.length).toBeGreaterThan(0)
      expect(lines.late.filter((line) => !mayBeLate.has(line))).toEqual([])
      const left = withoutLines(impressions, lines.late)
      expect(impressions.length - left.length).toBe(lines.late.length)
      expect(lines.output).toEqual(expectedSessions(left, 5_000))
    }
  })

  it('take in a line exactly on the bound, and the one behind it not', async () => {
    // A batch of lines is read before the watermark moves: fill it.
    const crowd = Array.from({ length: 2000 }, (_, i) => page(START + 600_000, `198.51.100.${i % 250}`)).join('')
    const folder = await inputFolder({ 'a.log': crowd + page(START) + page(START - 1000) })
    const { lines } = await runJob(pageImpressions, OUTPUTS, { params: { input: `file:${folder}`, gap: '1s' } })
    expect(lines.late).toEqual([page(START - 1000).trim()])
    expect(lines.output).toContain(
      `{"visitor":"192.0.2.1|Browser","start":${START},"end":${START},"impressions":1,"bounce":true,"durationMs":0}`,
    )
  })

  it('are one session up to a gap of 30 minutes, two beyond', async () => {
    const times = [START, START + 30 * MINUTE, START + 60 * MINUTE + 1000]
    const folder = await inputFolder({ 'a.log': times.map((time) => page(time)).join('') })
    const { lines } = await runJob(pageImpressions, ['output'], { params: { input: `file:${folder}` } })
    expect(lines.output).toEqual([
      `{"visitor":"192.0.2.1|Browser","start":${times[0]},"end":${times[1]},"impressions":2,"bounce":false,"durationMs":1800000}`,
      `{"visitor":"192.0.2.1|Browser","start":${times[2]},"end":${times[2]},"impressions":1,"bounce":true,"durationMs":0}`,
    ])
  })

  it('are dropped and counted where they are late and nobody wants them', async () => {
    const lines = logLines(randomSource(7), {
      count: 3000,
      startMs: START,
      stepMs: 1_000,
      disorderMs: 30_000,
      late: 0.05,
    })
    const params = {
      input: `file:${await inputFolder({ 'a.log': textOf(lines) })}`,
      maxOutOfOrderness: '30s',
      gap: '5s',
    }
    // What is late depends on where batches end, and that on the machine: here no poll is slow.
    const clock = { now: () => START, setTimeout: systemClock.setTimeout }
    const kept = await runJob(pageImpressions, OUTPUTS, { params, clock })
    const dropped = await runJob(pageImpressions, ['output', 'invalid'], { params, clock })
    expect(kept.lines.late.length).toBeGreaterThan(20)
    expect(dropped.lines.output).toEqual(kept.lines.output)
    expect(counter(dropped.result, 'impressions', 'numLateRecordsDropped')).toBe(kept.lines.late.length)
    expect(counter(kept.result, 'impressions', 'numLateRecordsDropped')).toBe(0)
  })

  it('go on from a checkpoint, at another parallelism, with late lines too', async () => {
    const random = randomSource(8)
    const files = [0, 1, 2].map(() =>
      logLines(random, { count: 8_000, startMs: START, stepMs: 1_000, disorderMs: 30_000, late: 0.05 }),
    )
    const folders = { output: await temporaryFolder(), late: await temporaryFolder(), invalid: await temporaryFolder() }
    const params = {
      input: `file:${await inputFolder(filesOf(files))}`,
      gap: '5s',
      maxOutOfOrderness: '30s',
      ...Object.fromEntries(Object.entries(folders).map(([name, folder]) => [name, `file:${folder}`])),
    }
    const checkpointDirectory = await temporaryFolder()
    const read: number[] = []
    for (const [parallelism, looks] of [
      [2, 90],
      [4, 150],
      [1, 60],
      [3, undefined],
    ] as const) {
      const options = { params, parallelism, checkpointDirectory, ...suspendAfter(looks) }
      const result = await runInProcess(pageImpressions, options)
      expect(result.status).toBe(looks === undefined ? 'FINISHED' : 'SUSPENDED')
      read.push(counter(result, 'visits', 'numRecordsIn'))
    }
    expect(read.filter((lines) => lines > 0 && lines < 24_000)).not.toEqual([])
    expect(read.at(-1)).toBe(24_000)
    const { impressions } = expectedVisits(files.flat().map(({ line }) => line))
    const left = withoutLines(impressions, await committedLines(folders.late))
    expect(left.length).toBeLessThan(impressions.length)
    expect((await committedLines(folders.output)).sort()).toEqual(expectedSessions(left, 5_000))
  })

  it('have a sample to begin with', async () => {
    const sample = readFileSync(new URL('../../jobs/data/sample-access.log', import.meta.url), 'utf8')
      .split('\n')
      .slice(0, -1)
    const expected = expectedVisits(sample)
    const { result } = await runJob(pageImpressions, ['invalid'], { parallelism: 2 })
    expect([...result.printed].sort()).toEqual(expectedSessions(expected.impressions, 30 * MINUTE))
    for (const part of [result.printed, expected.bots, expected.invalid]) expect(part.length).toBeGreaterThan(0)
  })

  it.skipIf(!existsSync(REAL_ACCESS_LOG))(
    'are right about a real log (skipped where shared/data is not there)',
    async () => {
      const lines = readFileSync(REAL_ACCESS_LOG, 'utf8').split('\n').slice(0, -1)
      const expected = expectedVisits(lines)
      const cut = 3 * Math.floor(lines.length / 4)
      const halves = { 'a.log': `${lines.slice(0, cut).join('\n')}\n`, 'b.log': lines.slice(cut).join('\n') }
      for (const input of [REAL_ACCESS_LOG, await inputFolder(halves)]) {
        for (const parallelism of [1, 4]) {
          const run = await runJob(pageImpressions, OUTPUTS, {
            params: { input: `file:${input}` },
            parallelism,
            freeze: false,
          })
          const left = withoutLines(expected.impressions, run.lines.late)
          expect(left.length + run.lines.late.length).toBe(expected.impressions.length)
          expect(run.lines.output).toEqual(expectedSessions(left, 30 * MINUTE))
          expect(run.lines.output.length).toBeGreaterThan(1_000)
          expect(run.lines.bots).toEqual([...expected.bots].sort())
          expect(run.lines.invalid).toHaveLength(1)
        }
      }
    },
  )
})

describe('pageImpressions of beacons', () => {
  const sample = fileURLToPath(new URL('../../jobs/data/sample-beacons.jsonl', import.meta.url))
  const beacon = (parts: Record<string, unknown>): string =>
    JSON.stringify({
      type: 'navigation',
      session: 's',
      pageImpression: 'p',
      time: START,
      url: '/',
      userAgent: 'Browser',
      ...parts,
    })

  it('are counted once, however many beacons tell of them', async () => {
    const lines = [
      beacon({}),
      beacon({ type: 'load', time: START + 2000, timers: { load: 2000 } }),
      beacon({}),
      beacon({ type: 'event', time: START + 5 * MINUTE, event: 'click' }),
      '',
      beacon({ pageImpression: 'q', time: START + 9 * MINUTE, type: 'load', timers: {} }),
      beacon({ pageImpression: 'q', time: START + 8 * MINUTE }),
      beacon({ pageImpression: 'r', time: START + 100 * MINUTE }),
      beacon({ session: '__proto__', pageImpression: '__proto__' }),
      beacon({ userAgent: 'Googlebot' }),
      beacon({ session: '' }),
    ]
    const folder = await inputFolder({ 'a.jsonl': lines.join('\n') })
    const run = await runJob(pageImpressions, OUTPUTS, {
      params: { input: `file:${folder}`, format: 'beacons', maxOutOfOrderness: '2h' },
    })
    expect(run.lines.output).toEqual([
      `{"visitor":"__proto__","start":${START},"end":${START},"impressions":1,"bounce":true,"durationMs":0}`,
      `{"visitor":"s","start":${START},"end":${START + 8 * MINUTE},"impressions":2,"bounce":false,"durationMs":480000}`,
      `{"visitor":"s","start":${START + 100 * MINUTE},"end":${START + 100 * MINUTE},"impressions":1,"bounce":true,"durationMs":0}`,
    ])
    expect(run.lines.bots).toEqual([beacon({ userAgent: 'Googlebot' })])
    expect(run.lines.invalid.map((line) => JSON.parse(line).reason as string)).toEqual(['session is not an id'])
    expect(counter(run.result, 'impressions', 'otherRequests')).toBe(1)
  })

  it('never begin a session that touches one that was written before', async () => {
    // Many at one moment, for the watermark to move: 10 minutes before it is the bound.
    const crowd = Array.from({ length: 2000 }, (_, i) => beacon({ session: `c${i}`, time: START + 10 * MINUTE }))
    for (const gapMs of [1, 1000]) {
      const written = beacon({ session: 's', pageImpression: 'p1', time: START - 1 - gapMs })
      const late = beacon({ session: 's', pageImpression: 'p2', time: START - 1 })
      const inTime = beacon({ session: 's', pageImpression: 'p3', time: START })
      const folder = await inputFolder({ 'a.jsonl': [written, ...crowd, late, inTime].join('\n') })
      const params = { input: `file:${folder}`, format: 'beacons', gap: `${gapMs}ms` }
      const { lines } = await runJob(pageImpressions, OUTPUTS, { params })
      expect(lines.late).toEqual([late])
      expect(lines.output.filter((line) => line.includes('"s"'))).toEqual([
        `{"visitor":"s","start":${START - 1 - gapMs},"end":${START - 1 - gapMs},"impressions":1,"bounce":true,"durationMs":0}`,
        `{"visitor":"s","start":${START},"end":${START},"impressions":1,"bounce":true,"durationMs":0}`,
      ])
    }
  })

  it('are the sessions that plain loops find in the sample, at every parallelism', async () => {
    const impressions = readFileSync(sample, 'utf8')
      .split('\n')
      .flatMap((line) => {
        try {
          return [
            JSON.parse(line) as {
              type: string
              session: string
              pageImpression: string
              time?: number
              userAgent: string
            },
          ]
        } catch {
          return []
        }
      })
      .filter(({ type, time, userAgent }) => type !== 'event' && time !== undefined && /^Mozilla/.test(userAgent))
      .map(({ session, pageImpression, time }) => ({ visitor: session, time: time!, page: pageImpression }))
    const expected = expectedSessions(impressions, 30 * MINUTE)
    expect(expected.length).toBeGreaterThan(20)
    for (const parallelism of PARALLELISMS) {
      const { result } = await runJob(pageImpressions, ['invalid'], { params: { format: 'beacons' }, parallelism })
      expect([...result.printed].sort()).toEqual(expected)
    }
  })
})
