import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { expect } from 'vitest'
import type { TestBucket } from './support-buckets.js'

/** Looks at a bucket again and again, as whoever reads the lake does: objects appear whole, never change, never go. */
export class LakeWatch {
  readonly #bucket: TestBucket
  readonly #seen = new Map<string, string[]>()

  constructor(bucket: TestBucket) {
    this.#bucket = bucket
  }

  /** Lines seen so far. */
  get lines(): number {
    return [...this.#seen.values()].flat().length
  }

  async look(): Promise<void> {
    const objects = await this.#bucket.objects('')
    for (const [key, lines] of this.#seen) expect(objects.get(key), key).toEqual(lines)
    for (const [key, lines] of objects) this.#seen.set(key, lines)
  }
}

/** The keys of uploads that are neither completed nor aborted. */
export async function openUploads({ client, name }: TestBucket): Promise<string[]> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: name }))
  return Uploads.map(({ Key = '' }) => Key)
}
