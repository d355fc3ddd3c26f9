import { gunzipSync } from 'node:zlib'
import { CreateBucketCommand, GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3'
import { clientFor } from './emulators/aws-env.js'

/** A bucket of an emulator, as a test sees it. */
export interface TestBucket {
  readonly name: string
  readonly client: S3Client
  /** The lines of each object under a prefix, by the object's key. */
  objects(prefix: string): Promise<Map<string, string[]>>
  /** The lines of all objects under a prefix. */
  lines(prefix: string): Promise<string[]>
}

/** Creates a bucket. */
export async function createBucket(emulator: { readonly endpoint: string }, name: string): Promise<TestBucket> {
  const client = new S3Client({ ...clientFor(emulator), forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: name }))
  const objects = async (prefix: string): Promise<Map<string, string[]>> => {
    const found = new Map<string, string[]>()
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: name, Prefix: prefix })) {
      for (const { Key = '' } of Contents) {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: name, Key }))
        const bytes = Buffer.from((await Body?.transformToByteArray()) ?? [])
        const text = (Key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
        if (text !== '' && !text.endsWith('\n')) throw new Error(`${Key} does not end with a line end`)
        found.set(Key, text.split('\n').slice(0, -1))
      }
    }
    return found
  }
  return { name, client, objects, lines: async (prefix) => [...(await objects(prefix)).values()].flat() }
}
