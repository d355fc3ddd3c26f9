import type { UploadCalls } from './upload-calls.js'

/**
 * Before a job runs: the bucket is there, in this region, and an upload below the prefix may be begun (with the KMS key, if there is one)
 * and aborted, and unfinished ones listed. Nothing is ever visible. MILLRACE_OUTPUT naming the bucket, else the key. Ends `calls`.
 */
export async function checkOutput(prefix: string, calls: UploadCalls): Promise<void> {
  // The same at each check, so that the next one clears away what a killed one has left. A check that goes on at the same time only
  // wants to know that it may.
  const key = `${prefix === '' ? '' : `${prefix}/`}millrace-check`
  try {
    // First, because it is what says most when it fails: the answers to HEAD have no body.
    try {
      const uploadId = await calls.createUpload(key, { token: 'check', contentType: undefined })
      await calls.abortUpload(key, uploadId)
    } catch (error) {
      throw calls.failure(error, 'upload', key, 's3:PutObject and s3:AbortMultipartUpload')
    }
    try {
      const left = (await calls.listUploads(key)).filter((upload) => upload.key === key)
      for (const { uploadId } of left) await calls.abortUpload(key, uploadId)
    } catch (error) {
      const permission = 's3:ListBucketMultipartUploads and s3:AbortMultipartUpload'
      throw calls.failure(error, 'list unfinished uploads below', prefix, permission)
    }
    await calls.headBucket().catch((error: unknown) => {
      throw calls.failure(error, 'list', undefined, 's3:ListBucket')
    })
  } finally {
    calls.close()
  }
}
