import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openStorage } from '../../runtime/storage/open-storage.js'

describe('openStorage', () => {
  it('opens a folder, relative to the working directory, and S3', () => {
    expect(openStorage('.millrace/job').describe()).toBe(resolve('.millrace/job'))
    expect(openStorage('/var/x').describe()).toBe('/var/x')
    expect(openStorage('s3://my-bucket').describe()).toBe('s3://my-bucket')
    expect(openStorage('s3://my-bucket//a/b//').describe()).toBe('s3://my-bucket/a/b')
  })

  it('opens the same storage from its own URL', () => {
    for (const url of [
      '.millrace/job',
      's3://my-bucket/a b/c',
      's3://my-bucket/a?sse=aws:kms&kmsKeyId=alias%2Fx&region=eu-west-1',
    ]) {
      const again = openStorage(url).url()
      expect(openStorage(again).url()).toBe(again)
      expect(openStorage(again).describe()).toBe(openStorage(url).describe())
    }
  })

  it('keeps what a URL says of how to get there out of messages', () => {
    const storage = openStorage('s3://my-bucket/a/?sse=AES256&externalId=me')
    expect(storage.describe()).toBe('s3://my-bucket/a')
    expect(storage.url()).toBe('s3://my-bucket/a?sse=AES256&externalId=me')
  })

  it.each([
    '',
    '  ',
    'gs://bucket/x',
    'file:/var/x',
    's3://',
    's3://Upper/x',
    's3:///x',
    's3://a',
    's3://bucket?x=1',
    's3://bucket?sse=DES',
    's3://bucket?kmsKeyId=k',
    's3://bucket?sse=AES256&sse=AES256',
    's3://bucket?region=%',
  ])('refuses "%s"', (url) => {
    expect(() => openStorage(url)).toThrow(expect.objectContaining({ code: 'MILLRACE_USAGE' }) as Error)
  })
})
