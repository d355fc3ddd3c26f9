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
  (code: number, headers: Record<string, string> = {}, body = ''): Answer =>
  (_, response) =>
    void response.writeHead(code, headers).end(body)
const xml = (name: string): string => `<Error><Code>${name}</Code><Message>no</Message></Error>`
const CREATED = '<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>'

async function failureOf(answer: Answer): Promise<{ code: string; message: string; hint: string }> {
  const { endpoint } = await serverOf(answer)
  return (await s3Sink({ bucket: 'bucket', prefix: 'lake', aws: aws(endpoint) }).check!(ctx).catch(
    (e: unknown) => e,
  )) as never
}

describe('the check of an S3 sink', () => {
  it('begins an upload as the sink would, aborts it, and asks for the bucket', async () => {
    const seen: unknown[] = []
    const { endpoint, requests } = await serverOf((request, response) => {
      seen.push(request.headers['x-amz-server-side-encryption-aws-kms-key-id'])
      response.end(request.method === 'POST' ? CREATED : '')
    })
    const options = { bucket: 'bucket', prefix: 'lake', sse: 'aws:kms', kmsKeyId: 'alias/lake' } as const
    await s3Sink({ ...options, aws: aws(endpoint) }).check!(ctx)
    expect(requests).toEqual([
      'POST /bucket/lake/millrace-check?uploads=',
      'DELETE /bucket/lake/millrace-check?uploadId=up&x-id=AbortMultipartUpload',
      'GET /bucket/?prefix=lake%2Fmillrace-check&uploads=',
      'HEAD /bucket/',
    ])
    expect(seen).toEqual(['alias/lake', undefined, undefined, undefined])
  })

  it('aborts what a check that was killed has left behind, and nothing else', async () => {
    const pending = ['lake/millrace-check', 'lake/millrace-check-up', 'lake/millrace-check'].map(
      (key, i) => `<Upload><Key>${key}</Key><UploadId>left-${i}</UploadId></Upload>`,
    )
    const { endpoint, requests } = await serverOf((request, response) => {
      if (request.method === 'GET')
        response.end(`<ListMultipartUploadsResult>${pending.join('')}</ListMultipartUploadsResult>`)
      else response.end(request.method === 'POST' ? CREATED : '')
    })
    await s3Sink({ bucket: 'bucket', prefix: 'lake', aws: aws(endpoint) }).check!(ctx)
    const aborted = requests.flatMap((request) => /^DELETE .*uploadId=([^&]+)/.exec(request)?.[1] ?? [])
    expect(aborted.sort()).toEqual(['left-0', 'left-2', 'up'])
  })

  it('says that unfinished uploads may not be listed', async () => {
    const denied: Answer = (request, response) => {
      if (request.method === 'GET') response.writeHead(403).end(xml('AccessDenied'))
      else response.end(CREATED)
    }
    expect(await failureOf(denied)).toMatchObject({
      message: expect.stringMatching(
        /^cannot list unfinished uploads below s3:\/\/bucket\/lake: access denied/,
      ) as string,
      hint: expect.stringContaining('s3:ListBucketMultipartUploads') as string,
    })
  })

  it.each([
    [404, 'NoSuchBucket', /^S3 bucket "bucket" \(cannot upload .*\): does not exist in region us-east-1$/, /create it/],
    [403, 'AccessDenied', /^cannot upload s3:\/\/bucket\/lake\/millrace-check: access denied/, /s3:PutObject/],
    [403, 'InvalidAccessKeyId', /does not accept the credentials/, /access key/],
    [400, 'ExpiredToken', /credentials have expired/, /refresh/],
    [301, 'PermanentRedirect', /^S3 bucket "bucket": is not in region us-east-1/, /^it is in eu-west-1: /],
    [400, 'AuthorizationHeaderMalformed', /^S3 bucket "bucket": is not in region us-east-1/, /^it is in eu-west-1: /],
    [400, 'KMS.NotFoundException', /KMS.NotFoundException/, /for the reason it gives/],
  ])('says in one line what %i %s means', async (code, name, message, hint) => {
    const region = code === 301 || name.startsWith('Authorization') ? 'eu-west-1' : 'us-east-1'
    expect(await failureOf(status(code, { 'x-amz-bucket-region': region }, xml(name)))).toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    })
  })

  it('says that the bucket may not be listed', async () => {
    const denied: Answer = (request, response) => {
      if (request.method === 'HEAD') response.writeHead(403).end()
      else response.end(CREATED)
    }
    expect(await failureOf(denied)).toMatchObject({
      message: expect.stringMatching(/^cannot list s3:\/\/bucket: access denied/) as string,
      hint: expect.stringContaining('s3:ListBucket') as string,
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
      message: expect.stringMatching(/^cannot upload s3:.*: no AWS credentials found$/) as string,
    })
  })

  it('never shows a key', async () => {
    for (const name of ['SignatureDoesNotMatch', 'NoSuchBucket']) {
      const error = await failureOf(status(403, {}, xml(name)))
      const shown = JSON.stringify([error.message, error.hint, (error as { cause?: unknown }).cause])
      expect(shown).not.toContain('hidden-key')
    }
  })
})

describe('the check of reference data in S3', () => {
  it('names the object that may not be read', async () => {
    const { endpoint } = await serverOf(status(403, {}, xml('AccessDenied')))
    const data = s3ReferenceData({ bucket: 'bucket', key: 'products', keyOf: () => 1, aws: aws(endpoint) })
    await expect(data.check(ctx)).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      message: expect.stringMatching(/^cannot read s3:\/\/bucket\/products: access denied/) as string,
      hint: expect.stringContaining('s3:GetObject') as string,
    })
  })
})
