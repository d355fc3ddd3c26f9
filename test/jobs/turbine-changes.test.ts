import { describe, expect, it } from 'vitest'
import { parseReading, SKIPPED, type TurbineReading } from '../../jobs/lib/change-record.js'
import { changeLine } from '../../jobs/lib/turbine-changes.js'

const FARM = { turbines: 20, minSpeed: 30, maxSpeed: 90, seed: 1 }
const COUNT = 18_000
const lines = Array.from({ length: COUNT }, (_, index) => changeLine(index, FARM))

describe('the simulated changes', () => {
  const parsed = lines.map(parseReading)
  const readings = parsed.filter(
    (reading): reading is TurbineReading => typeof reading === 'object' && 'speed' in reading,
  )

  it('are the same for the same seed, others for another', () => {
    expect(lines.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, index) => changeLine(index, FARM)))
    expect(changeLine(7, { ...FARM, seed: 2 })).not.toBe(lines[7])
  })

  it('have every turbine and whole speeds from the least to the greatest', () => {
    const speeds = readings.map(({ speed }) => Number(speed))
    expect(new Set(readings.map(({ turbineID }) => turbineID)).size).toBe(20)
    expect(speeds.every(Number.isInteger)).toBe(true)
    expect(Math.min(...speeds)).toBeGreaterThanOrEqual(30)
    expect(Math.max(...speeds)).toBeLessThanOrEqual(90)
    expect(Math.max(...speeds) - Math.min(...speeds)).toBeGreaterThan(50)
  })

  it('have some removed, modified, late and malformed ones', () => {
    const names = lines.map((line) => /"eventName":"(\w+)"/.exec(line)?.[1])
    expect(parsed.filter((reading) => reading === SKIPPED).length).toBeGreaterThan(100)
    expect(names.filter((name) => name === 'MODIFY').length).toBeGreaterThan(1_000)
    const malformed = parsed.filter((reading) => typeof reading === 'object' && 'reason' in reading).length
    expect(malformed).toBeGreaterThan(5)
    expect(malformed).toBeLessThan(50)
    let newest = -Infinity
    let late = 0
    let disorder = 0
    for (const { time } of readings) {
      if (newest - time > 100_000) late++
      else disorder = Math.max(disorder, newest - time)
      newest = Math.max(newest, time)
    }
    expect(late).toBeGreaterThan(5)
    expect(disorder).toBeGreaterThan(1_000)
    expect(disorder).toBeLessThan(5_000)
  })

  it('are shaped as DynamoDB writes them', () => {
    const inserted = lines.find((line) => line.includes('INSERT'))!
    expect(Object.keys(JSON.parse(inserted))).toEqual([
      'awsRegion',
      'eventID',
      'eventName',
      'userIdentity',
      'recordFormat',
      'tableName',
      'dynamodb',
      'eventSource',
    ])
    const removed = lines.find((line) => line.includes('REMOVE'))!
    expect(JSON.parse(removed).dynamodb.NewImage).toBeUndefined()
  })

  it('of one speed have that one', () => {
    const calm = Array.from({ length: 100 }, (_, index) =>
      parseReading(changeLine(index, { ...FARM, minSpeed: 42, maxSpeed: 42 })),
    )
    const speeds = calm.flatMap((reading) => (typeof reading === 'object' && 'speed' in reading ? [reading.speed] : []))
    expect(new Set(speeds)).toEqual(new Set(['42']))
  })
})
