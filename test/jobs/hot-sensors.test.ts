import { describe, expect, it } from 'vitest'
import hotSensors from '../../jobs/hotSensors.js'
import { runInProcess } from '../../runtime/testing/run-in-process.js'
import { randomSource, type RandomSource } from '../oracles/random-source.js'
import { expectedRows, type KnownTemperature, type SensorRow } from './oracle-sensors.js'
import { committedLines, counter, inputFolder, runJob, suspendAfter, temporaryFolder } from './run-job.js'

const START = Date.UTC(2024, 0, 15, 6)
const OUTPUTS = ['output', 'anomalies', 'late', 'invalid'] as const

/** Readings whose times go on, in disorder by less than a second; few temperatures, so that many are equal. */
function readings(random: RandomSource, count: number): KnownTemperature[] {
  let newest = START
  return Array.from({ length: count }, () => {
    newest += random.below(300)
    return {
      id: random.pick(['Ada', 'Größe', 'constructor', '__proto__', '風']),
      temp: random.between(90, 110),
      status: random.pick(['OK', 'FAIL', 'WARN']),
      time: newest - random.below(1000),
    }
  })
}
const lineOf = ({ id, temp, status, time }: KnownTemperature): string => `${id},${temp},${status},${time}\n`
const rowsOf = (lines: readonly string[]): SensorRow[] =>
  lines.map((line) => JSON.parse(line) as SensorRow).sort((a, b) => a.window - b.window || a.rank - b.rank)

describe('hotSensors', () => {
  it.each([1, 2])(
    'ranks the rows of each window and picks out the hot ones, as plain loops do (seed %d)',
    async (seed) => {
      const random = randomSource(seed)
      const files = [400, 700, 300].map((count) => readings(random, count))
      const folder = await inputFolder(
        Object.fromEntries(files.map((rows, i) => [`${i}.csv`, rows.map(lineOf).join('') + 'Ada,hot,OK\n\n'])),
      )
      const expected = expectedRows(files.flat())
      for (const parallelism of [1, 3]) {
        const { result, lines } = await runJob(hotSensors, OUTPUTS, {
          params: { input: `file:${folder}` },
          parallelism,
        })
        expect(result.status).toBe('FINISHED')
        expect(rowsOf(lines.output)).toEqual(expected)
        expect(rowsOf(lines.anomalies)).toEqual(expected.filter(({ currentTemp }) => currentTemp > 100))
        expect(lines.late).toEqual([])
        expect(lines.invalid.map((line) => JSON.parse(line).reason as string)).toEqual(
          Array(3).fill('the second column is no whole number of degrees'),
        )
      }
    },
  )

  it('writes the hottest of a window first', async () => {
    const folder = await inputFolder({ 'a.csv': readings(randomSource(3), 500).map(lineOf).join('') })
    const { result } = await runJob(hotSensors, ['invalid'], { params: { input: `file:${folder}` } })
    const printed = result.printed.map((line) => JSON.parse(line) as SensorRow)
    expect(printed).toEqual(rowsOf(result.printed))
    expect(printed.length).toBe(500)
  })

  it.each([
    [',20,OK', 'the first column is no name'],
    ['Ada,2.5,OK', 'the second column is no whole number of degrees'],
    ['Ada,20,FINE', 'the third column is not OK, FAIL or WARN'],
    ['Ada,20', 'the third column is not OK, FAIL or WARN'],
    ['Ada,20,OK,soon', 'the fourth column is no time in milliseconds'],
    ['Ada,20,OK,99999999999999999', 'the fourth column is no time in milliseconds'],
    ['Ada,20,OK,1,2', 'more than four columns'],
  ])('refuses %s', async (line, reason) => {
    const folder = await inputFolder({ 'a.csv': `${line}\nAda,20,OK,${START}\n` })
    const { lines } = await runJob(hotSensors, OUTPUTS, { params: { input: `file:${folder}` } })
    expect(lines.invalid.map((one) => JSON.parse(one) as unknown)).toMatchObject([{ raw: line, reason }])
    expect(lines.output).toHaveLength(1)
  })

  it('takes window and threshold as they are given; what comes too late goes to late', async () => {
    // Watermarks come between polls: those of many lines.
    const later = Array.from({ length: 3_000 }, () => `cool,1,OK,${START + 15_000}`)
    const inTime = [`a,5,OK,${START}`, `b,7,OK,${START + 9_999}`, `c,6,OK,${START + 20_000}`]
    const lines = [...inTime, ...later, `d,9,OK,${START + 1}`]
    const folder = await inputFolder({ 'a.csv': lines.map((line) => `${line}\n`).join('') })
    const run = await runJob(hotSensors, OUTPUTS, {
      params: { input: `file:${folder}`, window: '10s', threshold: '5.5' },
    })
    expect(rowsOf(run.lines.anomalies)).toEqual([
      { window: START, rank: 1, id: 'b', currentTemp: 7, status: 'OK' },
      { window: START + 20_000, rank: 1, id: 'c', currentTemp: 6, status: 'OK' },
    ])
    expect(run.lines.late).toEqual([`d,9,OK,${START + 1}`])
    expect(run.lines.output).toHaveLength(3_003)
  })

  it('goes on from a checkpoint as if it had not been stopped', async () => {
    const files = [4, 5].map((seed) => readings(randomSource(seed), 8_000))
    const folder = await inputFolder(
      Object.fromEntries(files.map((rows, i) => [`${i}.csv`, rows.map(lineOf).join('')])),
    )
    const checkpointDirectory = await temporaryFolder()
    const output = await temporaryFolder()
    const params = { input: `file:${folder}`, output: `file:${output}` }
    const read: number[] = []
    for (const looks of [70, 100, undefined]) {
      const result = await runInProcess(hotSensors, {
        params,
        parallelism: 2,
        checkpointDirectory,
        ...suspendAfter(looks),
      })
      expect(result.status).toBe(looks === undefined ? 'FINISHED' : 'SUSPENDED')
      read.push(counter(result, 'readings', 'numRecordsIn'))
    }
    expect(read.filter((lines) => lines > 0 && lines < read.at(-1)!)).not.toEqual([])
    expect(rowsOf(await committedLines(output))).toEqual(expectedRows(files.flat()))
  })

  it('has sensors of its own to begin with', async () => {
    const { result } = await runJob(hotSensors, ['invalid'], { parallelism: 2 })
    expect(result.status).toBe('FINISHED')
    expect(result.printed.length).toBeGreaterThan(1_900)
  })
})
