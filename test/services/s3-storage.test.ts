import { randomBytes, randomUUID } from 'node:crypto'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStorage } from '../../runtime/storage/open-storage.js'
import { S3Storage } from '../../runtime/storage/s3-storage.js'
import { storageConformance } from '../storage/conformance.js'
import { describeWith } from './emulators/availability.js'
import { clientFor, useAwsEnv } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'
import { startVersitygw } from './emulators/versitygw.js'

describeWith(['moto'], 'moto', () => s3Suite(() => startMoto()))
describeWith(['versitygw'], 'versitygw', () => s3Suite(() => startVersitygw()))

function s3Suite(start: () => Promise<Emulator>): void {
  const bucket = `millrace-${randomUUID()}`
  let emulator: Emulator
  let restoreEnv: () => void
  const storageAt = (url: string): S3Storage => S3Storage.fromUrl(url)

  beforeAll(async () => {
    emulator = await start()
    restoreEnv = useAwsEnv({ s3: emulator })
    const client = new S3Client({ ...clientFor(emulator), forcePathStyle: true })
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
  })
  afterAll(async () => {
    restoreEnv()
    await emulator.stop()
  })

  storageConformance('S3', async () => {
    const url = `s3://${bucket}/${randomUUID()}/a b`
    return { storage: storageAt(url), other: storageAt(url) }
  })

  describe('S3 as checkpoint storage', () => {
    it('names a bucket that does not exist', async () => {
      const storage = storageAt(`s3://millrace-${randomUUID()}/x`)
      await expect(storage.check()).rejects.toMatchObject({
        code: 'MILLRACE_STORAGE',
        message: expect.stringContaining('does not exist in region us-east-1') as string,
        hint: expect.stringContaining('create it') as string,
      })
    })

    it('uploads what is large in parts, encrypted as the URL says, and reads it back', async () => {
      const url = `s3://${bucket}/${randomUUID()}?sse=AES256`
      const storage = S3Storage.fromUrl(url, { multipartBytes: 6e6, partBytes: 5 * 1024 * 1024 })
      const bytes = randomBytes(13_000_000)
      await storage.write('segments/large', bytes)
      const again = openStorage(storage.url())
      expect(bytes.equals(await again.read('segments/large'))).toBe(true)
      expect(bytes.subarray(5e6, 6e6).equals(await again.readRange('segments/large', 5e6, 6e6))).toBe(true)
      expect(await again.list('segments/')).toEqual([{ path: 'segments/large', size: bytes.length }])
      expect(again.describe()).toBe(url.replace('?sse=AES256', ''))
    })

    it('keeps two prefixes of one bucket apart', async () => {
      const one = storageAt(`s3://${bucket}/p`)
      const two = storageAt(`s3://${bucket}/p2`)
      await two.write('x', Buffer.from('2'))
      expect(await one.list('')).toEqual([])
    })
  })
}
