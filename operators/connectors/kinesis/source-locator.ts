import type { Source } from '../../../runtime/contract/source.js'
import { DURATION_FORM, parseDuration } from '../../api/duration.js'
import type { Locator } from '../../api/locator.js'
import { AWS_OPTION_NAMES, awsOptions } from '../aws-locator-options.js'
import { booleanOption, resourceOf } from '../batching/locator-parts.js'
import { choiceOption, refuseLocator, requireKnownOptions } from '../locator-options.js'
import { fanOut } from './fan-out.js'
import type { KinesisEnumeratorState } from './kinesis-enumerator.js'
import type { KinesisRecord } from './kinesis-record.js'
import { kinesisSource, type StartingPosition } from './kinesis-source.js'
import { polling } from './polling.js'
import type { ShardConsumer } from './shard-reader.js'
import type { ShardSplit } from './shard-split.js'

const POSITIONS = ['LATEST', 'TRIM_HORIZON', 'AT_TIMESTAMP'] as const
const FAN_OUT_OPTIONS = ['consumerName', 'consumerArn', 'consumerLifecycle']
const OPTIONS = [
  'position',
  'timestamp',
  'consumer',
  ...FAN_OUT_OPTIONS,
  'discoveryInterval',
  'stopAt',
  'onExpiredPosition',
  'deaggregate',
  ...AWS_OPTION_NAMES,
]

/**
 * The source that `kinesis://NAME-or-ARN` names. `position=LATEST|TRIM_HORIZON|AT_TIMESTAMP` (with `timestamp=`, ISO 8601 or epoch
 * milliseconds), `consumer=polling|efo` (`fan-out` is the same; `consumerName`, `consumerArn`, `consumerLifecycle=job|self`),
 * `discoveryInterval=10s`, `stopAt=latest` or a time, `onExpiredPosition=fail|trim-horizon`, `deaggregate=false`: see
 * {@link kinesisSource}. MILLRACE_PARAM if it cannot be read.
 */
export function kinesisSourceFor(locator: Locator): Source<KinesisRecord, ShardSplit, KinesisEnumeratorState> {
  requireKnownOptions(locator, OPTIONS)
  const { stopAt, discoveryInterval } = locator.query
  const onExpiredPosition = choiceOption(locator, 'onExpiredPosition', ['fail', 'trim-horizon'])
  const deaggregate = booleanOption(locator, 'deaggregate')
  return kinesisSource({
    stream: resourceOf(locator, 'stream'),
    aws: awsOptions(locator),
    position: positionOf(locator),
    consumer: consumerOf(locator),
    ...(discoveryInterval === undefined ? {} : { discoveryIntervalMs: interval(locator, discoveryInterval) }),
    ...(stopAt === undefined ? {} : { stopAt: stopAt === 'latest' ? 'latest' : time(locator, 'stopAt', stopAt) }),
    ...(onExpiredPosition === undefined ? {} : { onExpiredPosition }),
    ...(deaggregate === undefined ? {} : { deaggregate }),
  })
}

function positionOf(locator: Locator): StartingPosition {
  const position = choiceOption(locator, 'position', POSITIONS) ?? 'LATEST'
  const { timestamp } = locator.query
  if (position === 'AT_TIMESTAMP') {
    if (timestamp !== undefined) return { atTimestampMs: time(locator, 'timestamp', timestamp) }
    refuseLocator(locator, 'position=AT_TIMESTAMP has no timestamp', 'add timestamp=2026-01-31T00:00:00Z')
  }
  if (timestamp !== undefined) {
    refuseLocator(locator, `timestamp goes with position=AT_TIMESTAMP, not ${position}`, 'leave one of them out')
  }
  return position
}

function consumerOf(locator: Locator): ShardConsumer {
  const consumer = choiceOption(locator, 'consumer', ['polling', 'efo', 'fan-out']) ?? 'polling'
  if (consumer === 'polling') {
    const given = FAN_OUT_OPTIONS.find((name) => locator.query[name] !== undefined)
    if (given !== undefined) refuseLocator(locator, `${given} is for fan-out`, 'add consumer=efo')
    return polling()
  }
  const { consumerName, consumerArn } = locator.query
  const lifecycle = choiceOption(locator, 'consumerLifecycle', ['job', 'self'])
  return fanOut({
    ...(consumerName === undefined ? {} : { consumerName }),
    ...(consumerArn === undefined ? {} : { consumerArn }),
    ...(lifecycle === undefined ? {} : { lifecycle }),
  })
}

function interval(locator: Locator, text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0) return ms
  refuseLocator(locator, `discoveryInterval=${text} is not a duration`, `give one such as ${DURATION_FORM}`)
}

function time(locator: Locator, name: string, text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isSafeInteger(ms)) return ms
  refuseLocator(locator, `${name}=${text} is not a time`, 'give 2026-01-31T00:00:00Z, or epoch milliseconds')
}
