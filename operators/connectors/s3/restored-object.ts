import { isMissingUpload } from '../../../runtime/aws/s3-failure.js'
import { PART_BYTES, type ObjectHost } from './open-object.js'
import { committable, fromState, lostObject, type S3Committable, type S3OpenObject } from './object-state.js'

/** Ordinary parts have the numbers up to here; S3 knows 10,000. */
export const MAX_PARTS = 9_000
const NUMBERS_OF_TAILS = 1_000
/** Prime to their number, so that no two of many attempts in a row have the same. */
const STRIDE = 101

/** The largest object that a sink may write. */
export const MAX_OBJECT_BYTES: number = MAX_PARTS * PART_BYTES

/**
 * The part number of restored tails in one attempt. Each attempt has another, and none is an ordinary one: a part that a dead or cut-off
 * attempt uploads late never takes the place of one that counts.
 */
export function tailPartNumber(epoch: number, attempt: number): number {
  return MAX_PARTS + 1 + ((epoch * STRIDE + attempt) % NUMBERS_OF_TAILS)
}

/**
 * Ends an object that was open at the checkpoint: the parts that the checkpoint names and the tail that it holds, nothing that was
 * uploaded later. Undefined if it is published already. MILLRACE_OUTPUT naming the object if its upload is gone.
 */
export async function finishRestored(
  state: S3OpenObject,
  tailNumber: number,
  host: ObjectHost,
): Promise<S3Committable | undefined> {
  const { calls, contentType, turns } = host
  const { bucket, key, token } = state
  const { parts, tail, uploadId: restored, ...rest } = await fromState(state)
  return turns.run(async () => {
    try {
      const uploadId = restored ?? (await calls.createUpload(key, { token, contentType }))
      if (tail.length === 0) return committable(bucket, { ...rest, parts }, uploadId)
      const etag = await calls.uploadPart(key, uploadId, tailNumber, tail)
      return committable(bucket, { ...rest, parts: [...parts, { number: tailNumber, etag }] }, uploadId)
    } catch (error) {
      if (!isMissingUpload(error)) throw calls.failure(error, 'upload', key, 's3:PutObject')
      const published = await tokenOf(key, host)
      if (published === token) return undefined
      throw lostObject(bucket, key, 'was being uploaded at the checkpoint, and the upload is gone')
    }
  })
}

async function tokenOf(key: string, { calls }: ObjectHost): Promise<string | null | undefined> {
  try {
    return await calls.tokenOf(key)
  } catch (error) {
    throw calls.failure(error, 'look at', key, 's3:GetObject')
  }
}
