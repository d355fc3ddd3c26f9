import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { s3ReferenceData, s3Sink } from '../../../operators/connectors/s3/index.js'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const before = { ...process.env }
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'hidden-key',
    AWS_CONFIG_FILE: '/nonexistent',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
    AWS_EC2_METADATA_DISABLED: 'true',
  })
})
let stop: () => void = () => undefined
afterEach(() => {
  stop()
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  Object.assign(process.env, before)
})

async function serverOf(answer: Answer): Promise<{ endpoint: string; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url?.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, 'UUID')}`)
    request.resume().on('end', () => answer(request, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stop = () => {
    server.closeAllConnections()
    server.close()
  }
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

const ctx = { uid: 'lake', jobId: 'job', warn: () => undefined }
const aws = (endpoint: string) => ({ region: 'us-east-1', endpoint })
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    void response.writeHead(code, headers).end()

async function failureOf(answer: Answer): Promise<{ code: string; message: string; hint: string }> {
  const { endpoint } = await serverOf(answer)
  return (await s3Sink({ bucket: 'bucket', prefix: 'lake', aws: aws(endpoint) }).check!(ctx).catch(
    (e: unknown) => e,
  )) as never
}

describe('the check of an S3 sink', () => {
  it('uses the bucket, begins an upload as the sink would and aborts it', async () => {
    const seen: unknown[] = []
    const { endpoint, requests } = await serverOf((request, response) => {
      seen.push(request.headers['x-amz-server-side-encryption-aws-kms-key-id'])
      const created = '<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>'
      response.end(request.method === 'POST' ? created : '')
    })
    await s3Sink({ bucket: 'bucket', prefix: 'lake', sse: 'aws:kms', kmsKeyId: 'alias/lake', aws: aws(endpoint) })
      .check!(ctx)
    expect(requests).toEqual([
      'HEAD /bucket/',
      'POST /bucket/lake/millrace-check-UUID?uploads=',
      'DELETE /bucket/lake/millrace-check-UUID?uploadId=up&x-id=AbortMultipartUpload',
    ])
    expect(seen).toEqual([undefined, 'alias/lake', undefined])
  })

  it('says in one line what is wrong with the bucket', async () => {
    const elsewhere = { 'x-amz-bucket-region': 'eu-west-1' }
    expect(await failureOf(status(404))).toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'S3 bucket "bucket" (cannot use s3://bucket): does not exist in region us-east-1',
    })
    expect(await failureOf(status(403))).toMatchObject({
      message: expect.stringMatching(/^cannot use s3:\/\/bucket: access denied/) as string,
      hint: expect.stringContaining('s3:ListBucket') as string,
    })
    for (const code of [301, 400]) {
      expect(await failureOf(status(code, elsewhere))).toMatchObject({
        message: 'S3 bucket "bucket": is not in region us-east-1 (cannot use s3://bucket)',
        hint: 'it is in eu-west-1: give that region',
      })
    }
  })

  it('says that it may not write', async () => {
    const denied: Answer = (request, response) => {
      if (request.method === 'HEAD') response.end()
      else response.writeHead(403).end('<Error><Code>AccessDenied</Code><Message>no</Message></Error>')
    }
    expect(await failureOf(denied)).toMatchObject({
      message: expect.stringMatching(
        /^cannot upload s3:\/\/bucket\/lake\/millrace-check-\S+: access denied \(AccessDenied\)$/,
      ) as string,
      hint: expect.stringContaining('s3:PutObject') as string,
    })
  })

  it('says that there are no credentials, no region, or nobody at the endpoint', async () => {
    const sink = (options: object) => s3Sink({ bucket: 'bucket', aws: options })
    await expect(sink({}).check!(ctx)).rejects.toMatchObject({
      code: 'MILLRACE_USAGE',
      message: 'no AWS region is set',
    })
    delete process.env['AWS_ACCESS_KEY_ID']
    await expect(sink({ region: 'eu-west-1' }).check!(ctx)).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'cannot use s3://bucket: no AWS credentials found',
    })
  })

  it('never shows a key', async () => {
    for (const code of [400, 403, 404]) {
      const error = await failureOf(status(code))
      const shown = JSON.stringify([error.message, error.hint, (error as { cause?: unknown }).cause])
      expect(shown).not.toContain('hidden-key')
    }
  })
})

describe('the check of reference data in S3', () => {
  it('names the object that may not be read', async () => {
    const { endpoint } = await serverOf(status(403))
    const data = s3ReferenceData({ bucket: 'bucket', key: 'products', keyOf: () => 1, aws: aws(endpoint) })
    await expect(data.check(ctx)).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      message: expect.stringMatching(/^cannot read s3:\/\/bucket\/products: access denied/) as string,
      hint: expect.stringContaining('s3:GetObject') as string,
    })
  })
})
