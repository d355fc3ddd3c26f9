import { describe, expect, it } from 'vitest'
import eventsByCountry from '../../jobs/eventsByCountry.js'
import { runInProcess } from '../../runtime/testing/run-in-process.js'
import { randomSource, type RandomSource } from '../oracles/random-source.js'
import { committedLines, counter, inputFolder, runJob, suspendAfter, temporaryFolder } from './run-job.js'
import { expectedCounts, type KnownEvent } from './oracle-events.js'

const START = Date.UTC(2024, 0, 15, 6)
const OUTPUTS = ['output', 'late', 'invalid'] as const

function events(random: RandomSource, count: number): KnownEvent[] {
  let newest = START
  return Array.from({ length: count }, () => {
    newest += random.below(400)
    return { country: random.pick(['Spain', 'Perú', '日本', '__proto__']), time: newest - random.below(5_000) }
  })
}
const lineOf = (event: KnownEvent): string => `${JSON.stringify({ id: 1, ...event })}\n`

describe('eventsByCountry', () => {
  it.each([1, 2])('counts as plain loops do, at every parallelism (seed %d)', async (seed) => {
    const random = randomSource(seed)
    const files = [600, 900, 300].map((count) => events(random, count))
    const folder = await inputFolder(
      Object.fromEntries(files.map((some, i) => [`${i}.jsonl`, some.map(lineOf).join('') + '{"id":2}\n\n'])),
    )
    for (const parallelism of [1, 2, 4]) {
      const { result, lines } = await runJob(eventsByCountry, OUTPUTS, {
        params: { input: `file:${folder}` },
        parallelism,
      })
      expect(result.status).toBe('FINISHED')
      expect(lines.output).toEqual(expectedCounts(files.flat()))
      expect(lines.late).toEqual([])
      expect(lines.invalid.map((line) => JSON.parse(line).reason as string)).toEqual(
        Array(3).fill('country is no name'),
      )
    }
  })

  it.each([
    ['{"country":"Spain"', 'not JSON'],
    ['{"country":7,"time":1}', 'country is no name'],
    ['{"country":"\\ud800","time":1}', 'country is no name'],
    ['{"country":"Spain","time":1.5}', 'time is not a whole number of milliseconds'],
    ['{"country":"Spain","time":null}', 'time is not a whole number of milliseconds'],
  ])('refuses %s', async (line, reason) => {
    const folder = await inputFolder({ 'a.jsonl': `${line}\n` })
    const { lines } = await runJob(eventsByCountry, OUTPUTS, { params: { input: `file:${folder}` } })
    expect(lines.invalid.map((one) => JSON.parse(one) as unknown)).toMatchObject([{ raw: line, reason }])
  })

  it('goes on from a checkpoint as if it had not been stopped', async () => {
    const files = [3, 4].map((seed) => events(randomSource(seed), 5_000))
    const folder = await inputFolder(
      Object.fromEntries(files.map((some, i) => [`${i}.jsonl`, some.map(lineOf).join('')])),
    )
    const checkpointDirectory = await temporaryFolder()
    const output = await temporaryFolder()
    const params = { input: `file:${folder}`, output: `file:${output}`, window: '10s' }
    const read: number[] = []
    for (const [parallelism, looks] of [
      [2, 60],
      [3, 60],
      [1, undefined],
    ] as const) {
      const options = { params, parallelism, checkpointDirectory, ...suspendAfter(looks) }
      const result = await runInProcess(eventsByCountry, options)
      expect(result.status).toBe(looks === undefined ? 'FINISHED' : 'SUSPENDED')
      read.push(counter(result, 'events', 'numRecordsIn'))
    }
    expect(read.filter((lines) => lines > 0 && lines < read.at(-1)!)).not.toEqual([])
    expect((await committedLines(output)).sort()).toEqual(expectedCounts(files.flat(), 10_000))
  })
})
