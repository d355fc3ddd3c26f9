import { randomUUID } from 'node:crypto'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { S3Storage } from '../../runtime/storage/s3-storage.js'
import { storageConformance } from '../storage/conformance.js'

// A real S3 server: MILLRACE_TEST_S3_ENDPOINT=http://127.0.0.1:PORT, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where it wants some.
const endpoint = process.env['MILLRACE_TEST_S3_ENDPOINT']

if (endpoint === undefined) {
  describe('S3 as checkpoint storage', () => {
    it('passes the storage conformance suite', ({ skip }) =>
      skip('set MILLRACE_TEST_S3_ENDPOINT to an S3 server to run this'))
  })
} else {
  process.env['AWS_ACCESS_KEY_ID'] ??= 'test'
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'test'
  const env = { ...process.env, AWS_REGION: process.env['AWS_REGION'] ?? 'us-east-1', AWS_ENDPOINT_URL_S3: endpoint }
  const bucket = `millrace-${randomUUID()}`
  const created = new S3Client({ endpoint, region: env.AWS_REGION, forcePathStyle: true }).send(
    new CreateBucketCommand({ Bucket: bucket }),
  )

  storageConformance('S3', async () => {
    await created
    const url = `s3://${bucket}/${randomUUID()}/a b`
    return { storage: S3Storage.fromUrl(url, env), other: S3Storage.fromUrl(url, env) }
  })

  describe('S3 as checkpoint storage', () => {
    it('names a bucket that does not exist', async () => {
      const storage = S3Storage.fromUrl(`s3://millrace-${randomUUID()}/x`, env)
      await expect(storage.check()).rejects.toMatchObject({
        code: 'MILLRACE_STORAGE',
        message: expect.stringContaining('the bucket does not exist') as string,
        hint: 'create it, or choose another --checkpoint-dir',
      })
    })

    it('keeps two prefixes of one bucket apart', async () => {
      await created
      const one = S3Storage.fromUrl(`s3://${bucket}/p`, env)
      const two = S3Storage.fromUrl(`s3://${bucket}/p2`, env)
      await two.write('x', Buffer.from('2'))
      expect(await one.list('')).toEqual([])
    })
  })
}
