import { S3_ENCRYPTION_NAMES, s3EncryptionFrom } from '../../../runtime/aws/s3-encryption.js'
import type { Sink } from '../../../runtime/contract/sink.js'
import { parseDuration } from '../../api/duration.js'
import type { Locator } from '../../api/locator.js'
import { AWS_OPTION_NAMES, awsOptions } from '../aws-locator-options.js'
import { jsonLines, plainLines, textLines } from '../file/line-format.js'
import { bytesOption, choiceOption, refuseLocator, requireKnownOptions } from '../locator-options.js'
import { byDate, byHour, type Partition } from './partitions.js'
import type { RollOptions } from './roll-policy.js'
import { s3Sink } from './s3-sink.js'

const ROLL_NAMES = ['rollBytes', 'rollRecords', 'rollInterval', 'rollInactivity', 'rollOnCheckpoint']
const S3_SINK_OPTION_NAMES = [
  'format',
  'gzip',
  'partition',
  'partitionBy',
  ...ROLL_NAMES,
  ...S3_ENCRYPTION_NAMES,
  ...AWS_OPTION_NAMES,
]

/**
 * The sink of `s3://bucket/prefix?format=json|text&gzip=true&partition=date|hour&partitionBy=FIELD&rollBytes=64MB&rollInterval=1m`, with
 * `rollRecords`, `rollInactivity`, `rollOnCheckpoint=true`, `sse`, `kmsKeyId` and the options of every AWS locator. `partitionBy` is a
 * field of the records, above the date: `customer=acme/date=2024-05-01`. Without a format, strings and bytes are written as they are and
 * anything else as JSON. MILLRACE_PARAM for what it does not know.
 */
export function s3SinkFor<T = unknown>(locator: Locator): Sink<T> {
  requireKnownOptions(locator, S3_SINK_OPTION_NAMES)
  const place = /^\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(locator.path)
  if (place === null) refuseLocator(locator, 'names no bucket', 's3://bucket/prefix; bucket names are lower case')
  const format = choiceOption(locator, 'format', ['json', 'text'])
  const partition = partitionOf<T>(locator)
  return s3Sink<T>({
    bucket: place[1]!,
    prefix: place[2] ?? '',
    // A text format refuses at run time what is no text: the parameter is the user's, the type the job's.
    format: format === 'json' ? jsonLines() : format === 'text' ? textLines() : plainLines(),
    gzip: flag(locator, 'gzip') ?? false,
    ...(partition === undefined ? {} : { partition }),
    roll: rollOf(locator),
    ...s3EncryptionFrom(locator.query, 'MILLRACE_PARAM', locator.text),
    aws: awsOptions(locator),
  })
}

function partitionOf<T>(locator: Locator): Partition<T> | undefined {
  const by = choiceOption(locator, 'partition', ['date', 'hour'])
  const name = locator.query['partitionBy']
  if (name === undefined) return by === undefined ? undefined : by === 'date' ? byDate() : byHour()
  if (by === undefined)
    refuseLocator(locator, 'partitionBy stands above a date', 'add partition=date or partition=hour')
  if (!/^\w+$/.test(name)) refuseLocator(locator, `partitionBy=${name} is not a field`, 'name a field of the records')
  const field = { name, of: (value: T) => fieldOf(value, name) }
  return by === 'date' ? byDate(field) : byHour(field)
}

function fieldOf(value: unknown, name: string): string | number | boolean | null {
  const found: unknown =
    typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as never)[name] : null
  return typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean' ? found : null
}

function rollOf(locator: Locator): RollOptions {
  const bytes = bytesOption(locator, 'rollBytes')
  const records = countOption(locator, 'rollRecords')
  const intervalMs = durationOption(locator, 'rollInterval')
  const inactivityMs = durationOption(locator, 'rollInactivity')
  const onCheckpoint = flag(locator, 'rollOnCheckpoint')
  return {
    ...(bytes === undefined ? {} : { bytes }),
    ...(records === undefined ? {} : { records }),
    ...(intervalMs === undefined ? {} : { intervalMs }),
    ...(inactivityMs === undefined ? {} : { inactivityMs }),
    ...(onCheckpoint === undefined ? {} : { onCheckpoint }),
  }
}

function flag(locator: Locator, name: string): boolean | undefined {
  const given = choiceOption(locator, name, ['true', 'false'])
  return given === undefined ? undefined : given === 'true'
}

function countOption(locator: Locator, name: string): number | undefined {
  const given = locator.query[name]
  if (given === undefined) return undefined
  if (!/^[1-9]\d{0,14}$/.test(given))
    refuseLocator(locator, `${name}=${given} is not a number`, 'give a positive number')
  return Number(given)
}

function durationOption(locator: Locator, name: string): number | undefined {
  const given = locator.query[name]
  if (given === undefined) return undefined
  const ms = parseDuration(given)
  if (ms === undefined || ms === 0)
    refuseLocator(locator, `${name}=${given} is not a duration`, 'give one such as 30s or 5m')
  return ms
}
