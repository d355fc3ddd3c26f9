import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PutSettings } from '../../runtime/storage/s3-put.js'
import { S3Storage } from '../../runtime/storage/s3-storage.js'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const status =
  (code: number, name: string): Answer =>
  (_, response) => {
    response
      .writeHead(code, { 'content-type': 'application/xml', 'x-amz-bucket-region': 'eu-west-1' })
      .end(`<Error><Code>${name}</Code><Message>${name}!</Message></Error>`)
  }
const ok: Answer = (_, response) => void response.writeHead(200).end()
const drop: Answer = (request) => void request.socket.destroy()

let stop: () => void = () => undefined
afterEach(() => stop())

const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' }
const before = { ...process.env }
beforeEach(() => void Object.assign(process.env, credentials))
afterEach(() => {
  for (const name of Object.keys(credentials)) delete process.env[name]
  Object.assign(process.env, before)
})

interface StorageOptions {
  readonly answers: readonly Answer[]
  readonly query?: string
  readonly settings?: Partial<PutSettings>
}

/** A storage whose server gives these answers, in turn, the last one for ever. Returns what was asked as well. */
async function storageAnswering(...answers: Answer[]): Promise<{ storage: S3Storage; requests: string[] }> {
  return storageOf({ answers })
}

async function storageOf({
  answers,
  query = '',
  settings = {},
}: StorageOptions): Promise<{ storage: S3Storage; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)] as Answer
    requests.push(`${request.method} ${request.url} ${request.headers['if-none-match'] ?? ''}`.trim())
    request.resume().on('end', () => answer(request, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stop = () => {
    server.closeAllConnections()
    server.close()
  }
  const endpoint = encodeURIComponent(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const url = `s3://bucket/job?region=us-east-1&endpoint=${endpoint}${query}`
  return { storage: S3Storage.fromUrl(url, { retryBaseMs: 1, attempts: 2, ...settings }), requests }
}

describe('S3 storage in front of a server that misbehaves', () => {
  it('creates with If-None-Match, path style', async () => {
    const { storage, requests } = await storageAnswering(ok)
    expect(await storage.createExclusive('manifests/1', Buffer.from('x'))).toBe('created')
    expect(requests).toEqual(['PUT /bucket/job/manifests/1?x-id=PutObject *'])
  })

  it('tries again after a 409 until it knows who won', async () => {
    const conflict = status(409, 'ConditionalRequestConflict')
    const won = await storageAnswering(conflict, conflict, ok)
    expect(await won.storage.createExclusive('m', Buffer.from('x'))).toBe('created')
    expect(won.requests).toHaveLength(3)
    stop()
    const lost = await storageAnswering(conflict, status(412, 'PreconditionFailed'))
    expect(await lost.storage.createExclusive('m', Buffer.from('x'))).toBe('exists')
  })

  it('says "exists" when its own first attempt was written and the answer got lost', async () => {
    const { storage, requests } = await storageAnswering(drop, status(412, 'PreconditionFailed'))
    expect(await storage.createExclusive('m', Buffer.from('x'))).toBe('exists')
    expect(requests).toHaveLength(2)
  })

  it('gives up on a connection that breaks every time, naming the object', async () => {
    const { storage } = await storageAnswering(drop)
    await expect(storage.createExclusive('m', Buffer.from('x'))).rejects.toMatchObject({
      code: 'MILLRACE_STORAGE',
      message: expect.stringContaining('cannot create s3://bucket/job/m: ') as string,
    })
  })

  it.each([
    [
      403,
      'AccessDenied',
      /^cannot create s3:\/\/bucket\/job\/probes\/\S+: access denied \(AccessDenied\)$/,
      /s3:PutObject/,
    ],
    [
      404,
      'NoSuchBucket',
      /^S3 bucket "bucket" \(cannot create s3:\/\/bucket\/job\/probes\/\S+\): does not exist in region us-east-1$/,
      /create it/,
    ],
    [403, 'InvalidAccessKeyId', /does not accept the credentials \(InvalidAccessKeyId\)$/, /access key/],
    [403, 'ExpiredToken', /credentials have expired \(ExpiredToken\)$/, /refresh/],
    [301, 'PermanentRedirect', /^S3 bucket "bucket": is not in region us-east-1/, /^it is in eu-west-1: /],
    [400, 'AuthorizationHeaderMalformed', /^S3 bucket "bucket": is not in region us-east-1/, /^it is in eu-west-1: /],
  ])('its check explains HTTP %i %s in one line', async (code, name, message, hint) => {
    const { storage } = await storageAnswering(status(code, name))
    const error: unknown = await storage.check().catch((failure: unknown) => failure)
    expect(error).toMatchObject({
      code: 'MILLRACE_STORAGE',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    })
  })

  it('its check refuses a server that ignores If-None-Match', async () => {
    const { storage } = await storageAnswering(ok)
    await expect(storage.check()).rejects.toMatchObject({
      code: 'MILLRACE_STORAGE',
      message: 'checkpoint storage s3://bucket/job overwrites files that should be created only once',
    })
  })

  it('a missing bucket is not taken for a missing file', async () => {
    const { storage } = await storageAnswering(status(404, 'NoSuchBucket'))
    await expect(storage.readIfExists('x')).rejects.toMatchObject({ code: 'MILLRACE_STORAGE' })
  })
})

const created: Answer = (_, response) =>
  void response.end('<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>')
const part: Answer = (_, response) => void response.writeHead(200, { etag: '"e"' }).end()
const completed: Answer = (_, response) => void response.end('<CompleteMultipartUploadResult/>')
const small = { multipartBytes: 10, partBytes: 8, partsAtOnce: 2 }

describe('a large file in S3 storage', () => {
  const bytes = Buffer.from('0123456789abcdefghij')

  it('is uploaded in parts, each tried again, and completed', async () => {
    const answers = [created, status(503, 'SlowDown'), part, part, part, completed]
    const { storage, requests } = await storageOf({ answers, settings: { ...small, partsAtOnce: 1 } })
    await storage.write('segments/x', bytes)
    const short = requests.map((line) => line.replace(/&?x-id=\w+/, '').replace('/bucket/job/segments/x', ''))
    expect(short).toEqual([
      'POST ?uploads=',
      'PUT ?partNumber=1&uploadId=up',
      'PUT ?partNumber=1&uploadId=up',
      'PUT ?partNumber=2&uploadId=up',
      'PUT ?partNumber=3&uploadId=up',
      'POST ?uploadId=up',
    ])
  })

  it('that cannot be uploaded is aborted and named', async () => {
    const { storage, requests } = await storageOf({
      answers: [created, part, status(403, 'AccessDenied')],
      settings: { ...small, partsAtOnce: 1 },
    })
    await expect(storage.write('segments/x', bytes)).rejects.toMatchObject({
      code: 'MILLRACE_STORAGE',
      message: 'cannot write s3://bucket/job/segments/x: access denied (AccessDenied)',
    })
    expect(requests.at(-1)).toMatch(/^DELETE .*uploadId=up/)
  })

  it('that was completed, though the answer got lost, is written', async () => {
    const size =
      (length: number): Answer =>
      (_, response) =>
        void response.writeHead(200, { 'content-length': length }).end()
    const before = [created, part, part, part, drop, status(404, 'NoSuchUpload'), size(0)]
    const there = await storageOf({ answers: [...before, size(bytes.length)], settings: small })
    await there.storage.write('x', bytes)
    expect(there.requests.at(-1)).toMatch(/^HEAD /)
    stop()
    const other = await storageOf({ answers: [...before, size(3)], settings: small })
    await expect(other.storage.write('x', bytes)).rejects.toMatchObject({ code: 'MILLRACE_STORAGE' })
  })

  it('that is created exclusively or replaced is one PUT', async () => {
    const { storage, requests } = await storageOf({ answers: [ok], settings: small })
    await storage.createExclusive('x', bytes)
    await storage.overwrite('x', bytes)
    expect(requests.map((line) => line.slice(0, 3))).toEqual(['PUT', 'PUT'])
  })
})

describe('encryption in S3 storage', () => {
  it('is asked for with every object that is written, in parts or whole', async () => {
    const headers: (string | undefined)[] = []
    const noting =
      (answer: Answer): Answer =>
      (request, response) => {
        const name = 'x-amz-server-side-encryption'
        headers.push([request.headers[name], request.headers[`${name}-aws-kms-key-id`]].join(' '))
        answer(request, response)
      }
    const answers = [ok, ok, created, part, part, part, completed].map(noting)
    const query = '&sse=aws:kms&kmsKeyId=alias%2Fcheckpoints'
    const { storage } = await storageOf({ answers, query, settings: small })
    await storage.createExclusive('x', Buffer.from('x'))
    await storage.overwrite('y', Buffer.from('y'))
    await storage.write('z', Buffer.alloc(20))
    const asked = 'aws:kms alias/checkpoints'
    expect(headers).toEqual([asked, asked, asked, ' ', ' ', ' ', ' '])
  })
})

describe('S3 storage without settings', () => {
  it('names AWS_REGION when there is none', async () => {
    process.env['AWS_CONFIG_FILE'] = process.env['AWS_SHARED_CREDENTIALS_FILE'] = '/nonexistent'
    const saved = process.env['AWS_REGION']
    delete process.env['AWS_REGION']
    try {
      await expect(S3Storage.fromUrl('s3://bucket').check()).rejects.toMatchObject({
        code: 'MILLRACE_USAGE',
        message: 'no AWS region is set',
        hint: expect.stringContaining('AWS_REGION') as string,
      })
    } finally {
      if (saved !== undefined) process.env['AWS_REGION'] = saved
      delete process.env['AWS_CONFIG_FILE']
      delete process.env['AWS_SHARED_CREDENTIALS_FILE']
    }
  })

  it('names the credentials when there are none', async () => {
    for (const name of Object.keys(credentials)) delete process.env[name]
    const quiet = {
      AWS_CONFIG_FILE: '/nonexistent',
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
      AWS_EC2_METADATA_DISABLED: 'true',
    }
    Object.assign(process.env, quiet)
    try {
      const storage = S3Storage.fromUrl('s3://bucket?region=eu-west-1')
      await expect(storage.check()).rejects.toMatchObject({
        code: 'MILLRACE_STORAGE',
        message: expect.stringContaining('no AWS credentials found') as string,
        hint: expect.stringContaining('AWS_ACCESS_KEY_ID') as string,
      })
    } finally {
      for (const name of Object.keys(quiet)) delete process.env[name]
    }
  })
})
