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

  it('opens the same storage from its own description', () => {
    for (const url of ['.millrace/job', 's3://my-bucket/a b/c']) {
      const described = openStorage(url).describe()
      expect(openStorage(described).describe()).toBe(described)
    }
  })

  it.each(['', '  ', 'gs://bucket/x', 'file:/var/x', 's3://', 's3://Upper/x', 's3:///x', 's3://a'])(
    'refuses "%s"',
    (url) => {
      expect(() => openStorage(url)).toThrow(expect.objectContaining({ code: 'MILLRACE_USAGE' }) as Error)
    },
  )
})
