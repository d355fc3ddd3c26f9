import { describe, expect, it } from 'vitest'
import { parseLocator } from '../../../operators/api/locator.js'
import { s3SinkFor } from '../../../operators/connectors/s3/index.js'
import type { Sink } from '../../../runtime/contract/sink.js'

const sinkOf = (text: string): Sink<unknown> => s3SinkFor(parseLocator(text)!)

describe('s3://', () => {
  it('names a bucket, a prefix and how to write there', () => {
    expect(sinkOf('s3://bucket').describe).toBe('s3://bucket')
    const all =
      's3://my.bucket/a/b?format=json&gzip=true&partition=hour&partitionBy=customer&rollBytes=64MB&rollRecords=5&rollInterval=1m' +
      '&rollInactivity=30s&rollOnCheckpoint=false&sse=aws:kms&kmsKeyId=alias/lake&region=eu-west-1&endpoint=http://127.0.0.1:1'
    expect(sinkOf(all)).toMatchObject({ name: 's3', guarantee: 'exactly-once', describe: 's3://my.bucket/a/b' })
  })

  it.each([
    ['s3:bucket', 'names no bucket'],
    ['s3://', 'names no bucket'],
    ['s3://Bucket/x', 'names no bucket'],
    ['s3://bucket?zip=true', 'unknown option "zip"'],
    ['s3://bucket?gzip=yes', 'gzip=yes'],
    ['s3://bucket?format=csv', 'format=csv'],
    ['s3://bucket?partition=week', 'partition=week'],
    ['s3://bucket?partitionBy=customer', 'partitionBy stands above a date'],
    ['s3://bucket?partition=date&partitionBy=a.b', 'partitionBy=a.b'],
    ['s3://bucket?rollBytes=much', 'rollBytes=much'],
    ['s3://bucket?rollRecords=0', 'rollRecords=0'],
    ['s3://bucket?rollInterval=0s', 'rollInterval=0s'],
    ['s3://bucket?sse=DES', 'sse=DES'],
    ['s3://bucket?kmsKeyId=x', 'kmsKeyId is for sse=aws:kms'],
  ])('refuses %s', (text, message) => {
    expect(() => sinkOf(text)).toThrow(
      expect.objectContaining({ code: 'MILLRACE_PARAM', message: expect.stringContaining(message) as string }) as Error,
    )
  })
})
