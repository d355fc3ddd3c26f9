import { randomAt } from './random-at.js'

/** What the simulated wind farm is like. */
export interface WindFarm {
  readonly turbines: number
  /** Miles an hour, whole. */
  readonly minSpeed: number
  readonly maxSpeed: number
  readonly seed: number
}

/** When the first change was made. */
const START_MS = Date.UTC(2024, 0, 15, 6)
/** Each turbine's speed rises and falls within so long; each begins somewhere else in it. */
const WEATHER_MS = 480_000
/** Records come in disorder by less than this, which the job's default allows for. */
const DISORDER_MS = 4_000
/** How far behind a late one is. */
const LATE_MS = 180_000
/** How many of 10,000 changes are what. */
const REMOVED = 200
const MODIFIED = 1_000
const LATE = 12
const MALFORMED = 6

/**
 * The change record of an index, as DynamoDB writes it to Kinesis: a pure function. Each turbine reports once a second; some
 * items are modified or removed, some records come late, some are damaged.
 */
export function changeLine(index: number, farm: WindFarm): string {
  const chance = randomAt(farm.seed, index, 1)
  const lot = Math.floor(chance * 10_000)
  const orderedMs = START_MS + Math.floor((index * 1000) / farm.turbines)
  const time = orderedMs - (lot < LATE ? LATE_MS : Math.floor(randomAt(farm.seed, index, 2) * DISORDER_MS))
  const turbine = Math.floor(randomAt(farm.seed, index, 3) * farm.turbines)
  const line = JSON.stringify(changeRecord(index, farm, turbine, time))
  return lot >= 10_000 - MALFORMED ? damage(line, index) : line
}

function changeRecord(index: number, farm: WindFarm, turbine: number, time: number): object {
  const lot = Math.floor(randomAt(farm.seed, index, 4) * 10_000)
  const eventName = lot < REMOVED ? 'REMOVE' : lot < REMOVED + MODIFIED ? 'MODIFY' : 'INSERT'
  const id = uuid(farm.seed, index, 10)
  const item = (n: number, changed: number): object => ({
    id: { S: id },
    deviceID: { S: `turbine-${turbine + 1}` },
    value: { N: String(speedOf(n, farm, turbine, time)) },
    createdAt: { S: new Date(time).toISOString() },
    updatedAt: { S: new Date(time + changed).toISOString() },
  })
  return {
    awsRegion: 'us-west-2',
    eventID: uuid(farm.seed, index, 20),
    eventName,
    userIdentity: null,
    recordFormat: 'application/json',
    tableName: 'windspeed-simulated',
    dynamodb: {
      ApproximateCreationDateTime: time,
      Keys: { id: { S: id } },
      ...(eventName === 'REMOVE' ? {} : { NewImage: item(index, 0) }),
      ...(eventName === 'INSERT' ? {} : { OldImage: item(index + 1, -1000) }),
      SizeBytes: 190,
    },
    eventSource: 'aws:dynamodb',
  }
}

/** Wind that comes and goes, and gusts; whole miles an hour within the farm's bounds. */
function speedOf(n: number, { minSpeed, maxSpeed, seed }: WindFarm, turbine: number, time: number): number {
  const phase = randomAt(seed, turbine, 5)
  const weather = (1 + Math.sin(2 * Math.PI * (time / WEATHER_MS + phase))) / 2
  const gust = randomAt(seed, n, 6)
  return minSpeed + Math.min(maxSpeed - minSpeed, Math.floor((0.7 * weather + 0.3 * gust) * (maxSpeed - minSpeed + 1)))
}

/** What may happen to a record on its way. */
function damage(line: string, index: number): string {
  switch (index % 3) {
    case 0:
      return line.slice(0, line.length >> 1)
    case 1:
      return line.replace(/"N":"\d+"/g, '"N":"n/a"').replace('"eventName":"REMOVE"', '"eventName":"DELETE"')
    default:
      return line.replace(/"eventName":"[A-Z]+",/, '')
  }
}

function uuid(seed: number, index: number, salt: number): string {
  let hex = ''
  for (let word = 0; word < 4; word++)
    hex += Math.floor(randomAt(seed, index, salt + word) * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}
