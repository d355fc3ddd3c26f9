import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectedCounts, type KnownEvent } from '../jobs/oracle-events.js'
import { committedLines } from '../jobs/run-job.js'
import { randomSource } from '../oracles/random-source.js'
import { awsEnv } from './emulators/aws-env.js'
import { describeWith } from './emulators/availability.js'
import type { Emulator } from './emulators/emulator.js'
import { startFerrokinesis } from './emulators/ferrokinesis.js'
import { startKinesisLocal } from './emulators/kinesis-local.js'
import { jobFolder, submit } from './support-jobs.js'
import { TestStream } from './support-streams.js'

const START = Date.UTC(2024, 0, 15, 6)
const COUNTRIES = ['Spain', 'Perú', '日本', 'Ghana', 'Chile', 'Finland', 'France', 'Japan', 'Portugal', 'Norway']

/** Events whose times go on, in disorder by less than five seconds; and the shard is any. */
function events(seed: number, count: number, startMs: number): (KnownEvent & { readonly key: string })[] {
  const random = randomSource(seed)
  return Array.from({ length: count }, (_, i) => ({
    country: random.pick(COUNTRIES),
    time: startMs + i * 50 - random.below(4_900),
    key: String(random.below(1_000_000)),
  }))
}

describeWith(['kinesis-local'], 'eventsByCountry on Kinesis', () => suite(startKinesisLocal, 'polling'))
// kinesis-local never tells a subscriber of a shard's end.
describeWith(['ferrokinesis'], 'eventsByCountry on Kinesis with fan-out', () => suite(startFerrokinesis, 'efo'))

function suite(start: () => Promise<Emulator>, consumer: 'polling' | 'efo'): void {
  let kinesis: Emulator
  beforeAll(async () => {
    kinesis = await start()
  })
  afterAll(() => kinesis?.stop())

  it('counts each event once through reshards and restarts', async () => {
    const source = await TestStream.create(kinesis, `source-${consumer}`, 2)
    const sink = await TestStream.create(kinesis, `sink-${consumer}`, 2)
    const parts = [0, 1, 2, 3].map((i) => events(10 + i, 600, START + i * 30_000))
    const put = (i: number): Promise<void> =>
      source.put(parts[i]!.map(({ key, ...event }, id) => ({ key, data: JSON.stringify({ id, ...event }) })))
    const cwd = await jobFolder()
    const run = (position: string) =>
      submit({
        job: 'eventsByCountry',
        cwd,
        env: awsEnv({ kinesis }),
        options: ['--checkpoint-interval', '300ms'],
        params: {
          input: `kinesis://${source.name}?position=${position}&consumer=${consumer}&discoveryInterval=500ms`,
          output: `kinesis://${sink.name}?partitionKeyField=country`,
          window: '10s',
          idleAfter: '10m',
        },
      })

    await put(0)
    const first = run('TRIM_HORIZON')
    await first.hasRead(600)
    await source.split(0)
    await put(1)
    await first.hasRead(1200)
    expect(await first.suspend()).toMatchObject({ status: 'SUSPENDED', recordsIn: 1200, lateRecordsDropped: 0 })

    // What is put while it is away, before and after a merge, is read all the same; where to begin says the checkpoint.
    await source.merge(1)
    await put(2)
    const second = run('LATEST')
    await second.hasRead(1800)
    await put(3)
    await second.hasRead(2400)
    // Event time goes on in every shard: all windows before fire.
    const later = randomSource(99)
    await source.put(
      Array.from({ length: 100 }, () => ({
        key: String(later.below(1_000_000)),
        data: JSON.stringify({ id: 0, country: 'Later', time: START + 3_600_000 }),
      })),
    )
    const expected = expectedCounts(parts.flat(), 10_000)
    await expect
      .poll(async () => (await sink.read()).length, { timeout: 30_000 })
      .toBeGreaterThanOrEqual(expected.length)
    expect(await second.suspend()).toMatchObject({ status: 'SUSPENDED', recordsIn: 2500, lateRecordsDropped: 0 })

    const counts = await sink.read()
    expect(counts.map(({ data }) => data).sort()).toEqual(expected)
    expect(counts.every(({ data, partitionKey }) => (JSON.parse(data) as KnownEvent).country === partitionKey)).toBe(
      true,
    )
  })

  it('goes on where a record claims to come from the future, or its sink can never write one', async () => {
    const source = await TestStream.create(kinesis, `odd-${consumer}`)
    const sink = await TestStream.create(kinesis, `odd-sink-${consumer}`)
    const now = Date.now()
    const event = (country: string, time: number) => ({ key: 'a', data: JSON.stringify({ country, time }) })
    // Two minutes of event time behind each other: the window of the first fires.
    const good = [event('Spain', now - 300_000), event('Chile', now - 180_000)]
    // As partition key it is over the service's limit.
    const long = JSON.stringify({ country: '', note: 'x'.repeat(300) })
    await source.put([event('Norway', now + 3_600_000), { key: 'a', data: long }, ...good])
    const cwd = await jobFolder()
    const job = submit({
      job: 'eventsByCountry',
      parallelism: 1,
      cwd,
      env: awsEnv({ kinesis }),
      options: ['--checkpoint-interval', '300ms'],
      params: {
        input: `kinesis://${source.name}?position=TRIM_HORIZON&consumer=${consumer}`,
        output: `kinesis://${sink.name}?partitionKeyField=country`,
        invalid: `kinesis://${sink.name}?partitionKeyField=raw`,
        rejected: `file:${join(cwd, 'rejected')}`,
      },
    })
    await expect.poll(async () => (await sink.read()).length, { timeout: 30_000 }).toBe(2)
    expect(await job.suspend()).toMatchObject({ status: 'SUSPENDED', failure: null, lateRecordsDropped: 0 })
    const written = (await sink.read()).map(({ data }) => JSON.parse(data) as Record<string, unknown>)
    expect(written).toContainEqual(expect.objectContaining({ country: 'Spain', events: 1 }))
    expect(written).toContainEqual(
      expect.objectContaining({ reason: expect.stringMatching(/ahead of its arrival, over the limit of 600000 ms/) }),
    )
    const [rejected, ...more] = await committedLines(join(cwd, 'rejected'))
    expect(more).toEqual([])
    expect(JSON.parse(rejected!)).toMatchObject({
      value: { raw: long, reason: 'country is no name' },
      sink: `kinesis://${sink.name}`,
    })
  })
}
