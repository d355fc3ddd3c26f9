import { MillraceError } from '../../../runtime/contract/errors.js'

const HOUR_MS = 3_600_000
/** What Hive, and so Athena and Spark, take for "no value". */
const NO_VALUE = '__HIVE_DEFAULT_PARTITION__'
const MAX_DATE_MS = 8.64e15

/** The folder of a record below the sink's prefix, without slashes at its ends; '' for none. `timestamp` is its event time. */
export type Partition<T> = (value: T, timestamp: number) => string

/** A folder above the date: `{ name: 'customer', of: (order) => order.customerId }` gives `customer=acme/`. */
export interface PartitionField<T> {
  readonly name: string
  readonly of: (value: T) => string | number | bigint | boolean | null | undefined
}

/** `date=2024-05-01`, of the event time in UTC, below `field`'s folder if one is given. */
export function byDate<T>(field?: PartitionField<T>): Partition<T> {
  return byTime(field, (iso) => `date=${iso.slice(0, -14)}`)
}

/** `date=2024-05-01/hour=13`, of the event time in UTC, below `field`'s folder if one is given. */
export function byHour<T>(field?: PartitionField<T>): Partition<T> {
  return byTime(field, (iso) => `date=${iso.slice(0, -14)}/hour=${iso.slice(-13, -11)}`)
}

function byTime<T>(field: PartitionField<T> | undefined, folder: (iso: string) => string): Partition<T> {
  let lastHour = NaN
  let lastFolder = ''
  return (value, timestamp) => {
    const hour = Math.floor(timestamp / HOUR_MS)
    if (hour !== lastHour) {
      lastFolder = folder(isoOf(timestamp))
      lastHour = hour
    }
    return field === undefined ? lastFolder : `${fieldFolder(field, value)}/${lastFolder}`
  }
}

function isoOf(timestamp: number): string {
  if (Math.abs(timestamp) <= MAX_DATE_MS) return new Date(timestamp).toISOString()
  const what = timestamp === -Infinity ? 'has no event time' : `has the event time ${timestamp}, which is no date`
  throw new MillraceError('MILLRACE_VALUE', `a record ${what}, so it has no partition`, {
    hint: 'give the source watermarks with a timestamp, or partition by something else',
  })
}

/** As Hive writes it: `name=value`, the value percent-encoded. */
function fieldFolder<T>({ name, of }: PartitionField<T>, value: T): string {
  const given = of(value)
  const text = given === null || given === undefined || given === '' ? NO_VALUE : String(given)
  return `${name}=${encodeURIComponent((text as WellFormed).toWellFormed())}`
}

/** In Node 20, not yet in the compiler's library. */
type WellFormed = string & { toWellFormed(): string }

/** Why `path` cannot be a partition; undefined if it can. */
export function badPartition(path: unknown): string | undefined {
  if (typeof path !== 'string') return `the partition is of type ${typeof path}, not a path`
  if (path === '') return undefined
  const bad = path.split('/').find((part) => part === '' || part === '.' || part === '..')

  const odd = bad !== undefined || /[\u0000-\u001f\u007f]/.test(path) || !(path as IsWellFormed).isWellFormed()
  return odd ? `the partition ${JSON.stringify(path)} is not a path: parts between single slashes` : undefined
}

type IsWellFormed = string & { isWellFormed(): boolean }
