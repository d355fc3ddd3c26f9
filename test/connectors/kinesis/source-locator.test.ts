import { describe, expect, it } from 'vitest'
import { parseLocator } from '../../../operators/api/locator.js'
import { kinesisSinkFor, kinesisSource, kinesisSourceFor } from '../../../operators/connectors/kinesis/index.js'

const source = (text: string) => kinesisSourceFor(parseLocator(text)!)

describe('a locator of a stream', () => {
  it('is a name or an ARN', () => {
    expect(source('kinesis://turbines').describe).toBe('kinesis://turbines')
    const arn = 'arn:aws:kinesis:eu-west-1:123456789012:stream/turbines'
    expect(source(`kinesis://${arn}?position=TRIM_HORIZON`).describe).toBe(`kinesis://${arn}`)
  })

  it('is unbounded, unless it says where to stop', () => {
    expect(source('kinesis://turbines').bounded).toBe(false)
    const until = source('kinesis://turbines?position=TRIM_HORIZON&stopAt=2026-01-31T00:00:00Z')
    expect([until.bounded, until.describe]).toEqual([true, 'kinesis://turbines until 2026-01-31T00:00:00.000Z'])
  })

  it.each([
    'position=AT_TIMESTAMP&timestamp=2026-01-31T00:00:00Z',
    'position=AT_TIMESTAMP&timestamp=1769817600000&stopAt=latest',
    'consumer=polling',
    'consumer=efo',
    'consumer=fan-out&consumerName=reader&consumerLifecycle=self',
    'consumer=efo&consumerLifecycle=self&consumerArn=arn%3Aaws%3Akinesis%3Aeu-west-1%3A123456789012%3Astream%2Fturbines%2Fconsumer%2Fmine%3A1700000000',
    'discoveryInterval=30s&onExpiredPosition=trim-horizon&deaggregate=false',
    'region=eu-west-1&endpoint=http%3A%2F%2F127.0.0.1%3A4567&roleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Freader&externalId=x&roleSessionName=y',
  ])('takes %s', (query) => {
    expect(() => source(`kinesis://turbines?${query}`)).not.toThrow()
  })

  it.each([
    ['position=EARLIEST', 'position=EARLIEST is not known'],
    ['position=AT_TIMESTAMP', 'position=AT_TIMESTAMP has no timestamp'],
    ['timestamp=2026-01-31T00:00:00Z', 'timestamp goes with position=AT_TIMESTAMP, not LATEST'],
    ['position=AT_TIMESTAMP&timestamp=tomorrow', 'timestamp=tomorrow is not a time'],
    ['consumer=push', 'consumer=push is not known'],
    ['consumerName=reader', 'consumerName is for fan-out'],
    ['discoveryInterval=10', 'discoveryInterval=10 is not a duration'],
    ['speed=fast', 'unknown option "speed"'],
    ['consumer=efo&consumerLifecycle=self&consumerArn=mine', '"mine" is not the ARN of a consumer'],
    [
      'consumer=efo&consumerLifecycle=self&consumerArn=arn%3Aaws%3Akinesis%3Aeu-west-1%3A123456789012%3Astream%2Fturbines',
      'is not the ARN of a consumer',
    ],
  ])('refuses %s', (query, message) => {
    expect(() => source(`kinesis://turbines?${query}`)).toThrow(message)
  })

  it('refuses what names no stream', () => {
    expect(() => source('kinesis://')).toThrow('names no stream')
  })

  it.each(['kinesis:///', 'kinesis::', 'kinesis://a/b', 'kinesis://arn:aws:sqs:eu-west-1:123456789012:turbines'])(
    'refuses %s, to read and to write',
    (text) => {
      expect(() => source(text)).toThrow(/is not the name or ARN of a stream$/)
      expect(() => kinesisSinkFor(parseLocator(text)!)).toThrow(/is not the name or ARN of a stream$/)
    },
  )
})

describe('the options of a source', () => {
  it.each([
    [{ stream: 'a b' }, 'is not the name or ARN of a stream'],
    [{ stream: 'a', position: 'LATEST', stopAt: 'latest' }, 'there is nothing to read'],
    [{ stream: 'a', position: { atTimestampMs: NaN } }, 'the position is not a time'],
    [{ stream: 'a', position: { atTimestampMs: 2 }, stopAt: 1 }, 'stopAt lies before the position'],
    [{ stream: 'a', discoveryIntervalMs: 0 }, 'discoveryIntervalMs is not positive'],
  ] as const)('%j make no sense', (options, message) => {
    expect(() => kinesisSource(options)).toThrow(message)
  })
})
