import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import windTurbine from '../../jobs/windTurbine.js'
import { runInProcess } from '../../runtime/testing/run-in-process.js'
import { randomSource } from '../oracles/random-source.js'
import { expectedAlerts, type KnownReading } from './oracle-turbines.js'
import { REAL_TURBINE_CSV } from './real-data.js'
import { committedLines, counter, inputFolder, runJob, suspendAfter, temporaryFolder, withoutLines } from './run-job.js'
import { changeLine, turbineLines, type TurbineLine } from './turbine-lines.js'

const START = Date.UTC(2024, 0, 15, 6)
const PARALLELISMS = [1, 2, 4, 8]
const OUTPUTS = ['output', 'late', 'invalid'] as const

const textOf = (lines: readonly TurbineLine[]): string => lines.map(({ line }) => `${line}\n`).join('')
const readingsOf = (lines: readonly TurbineLine[]): (TurbineLine & { kind: 'reading' })[] =>
  lines.filter((line): line is TurbineLine & { kind: 'reading' } => line.kind === 'reading')

describe('windTurbine', () => {
  it.each([1, 2, 3])('writes what plain loops compute, at every parallelism (seed %d)', async (seed) => {
    const random = randomSource(seed)
    const files = [0, 1, 2, 3, 4].map((i) =>
      turbineLines(random, { count: 150 + 100 * i, startMs: START + i * 40_000, disorderMs: 5_000 }),
    )
    const folder = await inputFolder(Object.fromEntries(files.map((lines, i) => [`${i}.jsonl`, textOf(lines)])))
    const lines = files.flat()
    const expected = expectedAlerts(readingsOf(lines).map(({ reading }) => reading))
    const invalid = lines.filter(({ kind }) => kind === 'invalid').map(({ line }) => line)
    for (const parallelism of PARALLELISMS) {
      const run = await runJob(windTurbine, OUTPUTS, { params: { input: `file:${folder}` }, parallelism })
      expect(run.result.status).toBe('FINISHED')
      expect(run.lines.output).toEqual(expected)
      expect(run.lines.late).toEqual([])
      expect(run.lines.invalid.map((line) => JSON.parse(line).raw as string).sort()).toEqual([...invalid].sort())
      const read = lines.filter(({ kind }) => kind === 'reading' || kind === 'invalid').length
      expect(counter(run.result, 'readings', 'numRecordsIn')).toBe(read)
    }
  })

  it.each([4, 5, 6])('writes what comes of the lines that are not in late (seed %d)', async (seed) => {
    const random = randomSource(seed)
    const files = [0, 1, 2].map(() =>
      turbineLines(random, { count: 1500, startMs: START, disorderMs: 5_000, late: 0.03 }),
    )
    const folder = await inputFolder(Object.fromEntries(files.map((lines, i) => [`${i}.jsonl`, textOf(lines)])))
    const readings = readingsOf(files.flat())
    for (const parallelism of PARALLELISMS) {
      const run = await runJob(windTurbine, OUTPUTS, { params: { input: `file:${folder}` }, parallelism })
      expect(run.lines.late.length).toBeGreaterThan(0)
      const left = withoutLines(readings, run.lines.late)
      expect(readings.length - left.length).toBe(run.lines.late.length)
      const inTime = readings.filter(({ late }) => !late).map(({ line }) => line)
      expect(left.filter(({ late }) => !late).map(({ line }) => line)).toEqual(inTime)
      expect(run.lines.output).toEqual(expectedAlerts(left.map(({ reading }) => reading)))
    }
  })

  it('drops and counts late readings where nobody wants them', async () => {
    const lines = turbineLines(randomSource(7), { count: 2000, startMs: START, disorderMs: 5_000, late: 0.05 })
    const folder = await inputFolder({ 'a.jsonl': textOf(lines) })
    const kept = await runJob(windTurbine, OUTPUTS, { params: { input: `file:${folder}` } })
    const dropped = await runJob(windTurbine, ['output', 'invalid'], { params: { input: `file:${folder}` } })
    expect(kept.lines.late.length).toBeGreaterThan(20)
    expect(dropped.lines.output).toEqual(kept.lines.output)
    expect(counter(dropped.result, 'averages', 'numLateRecordsDropped')).toBe(kept.lines.late.length)
    expect(counter(kept.result, 'averages', 'numLateRecordsDropped')).toBe(0)
  })

  it('says of an invalid line what it was, why, and where it stood', async () => {
    const good = changeLine({ id: 'ä', number: '99', time: START })
    const file = Buffer.concat([
      Buffer.from(`${good}\n\nnot JSON\n`),
      Buffer.from([0x7b, 0xff, 0x7d, 0x0a]),
      Buffer.from('{}'),
    ])
    const folder = await inputFolder({ 'a.jsonl': file })
    const path = join(folder, 'a.jsonl')
    const { lines } = await runJob(windTurbine, OUTPUTS, { params: { input: `file:${path}` } })
    const at = Buffer.byteLength(good) + 2
    const invalid = lines.invalid.map((line) => JSON.parse(line) as { source: string })
    expect(invalid.sort((a, b) => (a.source < b.source ? -1 : 1))).toEqual([
      { raw: 'not JSON', reason: 'not JSON', source: `${path}:${at}` },
      { raw: '{\ufffd}', reason: 'not UTF-8', source: `${path}:${at + 9}`, rawBase64: 'e/99' },
      { raw: '{}', reason: 'eventName is not INSERT, MODIFY or REMOVE', source: `${path}:${at + 13}` },
    ])
    expect(lines.output).toEqual([
      `{"turbineID":"ä","avgSpeed":99,"windowStart":${START},"windowEnd":${START + 60_000}}`,
    ])
  })

  it('has all digits of a mean, and takes window and threshold as they are given', async () => {
    const readings: KnownReading[] = [
      { id: 'a', number: '12345678901234567890', time: START },
      { id: 'a', number: '12345678901234567891', time: START + 9_999 },
      { id: 'b', number: '-0.5', time: START },
      { id: 'c', number: '-7.5', time: START },
      { id: 'd', number: '-6.9', time: START + 10_000 },
    ]
    const folder = await inputFolder({ 'a.jsonl': readings.map((reading) => `${changeLine(reading)}\n`).join('') })
    const params = { input: `file:${folder}`, window: '10s', threshold: '-7' }
    const { lines } = await runJob(windTurbine, ['output'], { params })
    expect(lines.output).toEqual([
      `{"turbineID":"a","avgSpeed":12345678901234567890,"windowStart":${START},"windowEnd":${START + 10_000}}`,
      `{"turbineID":"b","avgSpeed":0,"windowStart":${START},"windowEnd":${START + 10_000}}`,
      `{"turbineID":"d","avgSpeed":-6,"windowStart":${START + 10_000},"windowEnd":${START + 20_000}}`,
    ])
  })

  it('goes on from a checkpoint as if it had not been stopped', async () => {
    const files = [8, 9, 10].map((seed) =>
      turbineLines(randomSource(seed), { count: 8_000, startMs: START, disorderMs: 5_000 }),
    )
    const folder = await inputFolder(Object.fromEntries(files.map((lines, i) => [`${i}.jsonl`, textOf(lines)])))
    const checkpointDirectory = await temporaryFolder()
    const output = await temporaryFolder()
    const params = { input: `file:${folder}`, output: `file:${output}`, invalid: `file:${await temporaryFolder()}` }
    const read: number[] = []
    for (const [parallelism, looks] of [
      [2, 90],
      [4, 150],
      [1, 60],
      [3, undefined],
    ] as const) {
      const options = { params, parallelism, checkpointDirectory, ...suspendAfter(looks) }
      const result = await runInProcess(windTurbine, options)
      expect(result.status).toBe(looks === undefined ? 'FINISHED' : 'SUSPENDED')
      read.push(counter(result, 'readings', 'numRecordsIn'))
    }
    expect(read.filter((lines) => lines > 0 && lines < read.at(-1)!)).not.toEqual([])
    expect((await committedLines(output)).sort()).toEqual(
      expectedAlerts(readingsOf(files.flat()).map(({ reading }) => reading)),
    )
  })

  it('has a simulator to begin with', async () => {
    const params = { values: '6000', rate: '0', turbines: '5', invalid: `file:${await temporaryFolder()}` }
    const { result } = await runJob(windTurbine, [], { params, parallelism: 2 })
    expect(result.status).toBe('FINISHED')
    // Removals are skipped, so not counted.
    expect(counter(result, 'readings', 'numRecordsIn')).toBeGreaterThan(5000)
    expect(counter(result, 'readings', 'numRecordsIn')).toBeLessThan(6000)
    expect(counter(result, 'readings', 'numInvalidRecords')).toBeGreaterThan(0)
    expect(counter(result, 'averages', 'numLateRecordsDropped')).toBeGreaterThan(0)
    expect(result.printed.length).toBeGreaterThan(10)
    for (const line of result.printed) {
      expect(line).toMatch(/^\{"turbineID":"turbine-[1-5]","avgSpeed":\d\d,"windowStart":\d+,"windowEnd":\d+\}$/)
      expect(JSON.parse(line).avgSpeed).toBeGreaterThan(60)
    }
  })

  it('refuses what the simulator or nobody understands', () => {
    const codeOf = (params: Record<string, string>): unknown => {
      try {
        windTurbine.build(params)
      } catch (error) {
        return (error as { code: unknown }).code
      }
      return undefined
    }
    expect(codeOf({})).toBeUndefined()
    expect(codeOf({ turbines: '5' })).toBeUndefined()
    for (const params of [
      { input: 'file:in', turbines: '5' },
      { minSpeed: '50', maxSpeed: '40' },
      { input: 'datagen:turbines?turbines=5' },
      { input: 'datagen:rotors' },
      { turbines: '0' },
      { threshold: 'high' },
      { window: '60' },
      { speed: '5' },
    ]) {
      expect(codeOf(params), JSON.stringify(params)).toBe('MILLRACE_PARAM')
    }
  })

  it.skipIf(!existsSync(REAL_TURBINE_CSV))(
    'is right about a year of a real turbine (skipped where shared/data is not there)',
    async () => {
      const rows = readFileSync(REAL_TURBINE_CSV, 'latin1').split(/\r?\n/).slice(1, -1)
      const readings = rows.map((row): KnownReading => {
        const [when = '', power = '', wind = ''] = row.split(',')
        const [, day, month, year, hour, minute] = /^(\d\d) (\d\d) (\d{4}) (\d\d):(\d\d)$/.exec(when)!.map(Number)
        const time = Date.UTC(year!, month! - 1, day, hour, minute)
        return minute! % 20 === 0 ? { id: 'power', number: power, time } : { id: 'wind', number: wind, time }
      })
      expect(readings).toHaveLength(50_530)
      // A file for each kind of reading: they are read side by side.
      const files = ['power', 'wind'].map((id) => [
        `${id}.jsonl`,
        readings
          .filter((r) => r.id === id)
          .map((r) => `${changeLine(r)}\n`)
          .join(''),
      ])
      const folder = await inputFolder(Object.fromEntries(files) as Record<string, string>)
      const params = { input: `file:${folder}`, window: '3h', threshold: '10.5', maxOutOfOrderness: '30m' }
      const { result, lines } = await runJob(windTurbine, OUTPUTS, { params, parallelism: 4, freeze: false })
      expect(result.status).toBe('FINISHED')
      expect(lines.output.length).toBeGreaterThan(2_000)
      expect(lines.output).toEqual(expectedAlerts(readings, 10, 10_800_000))
      expect([...lines.late, ...lines.invalid]).toEqual([])
    },
  )
})
