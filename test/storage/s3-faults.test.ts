import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { S3Storage } from '../../runtime/storage/s3-storage.js'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const status =
  (code: number, name: string): Answer =>
  (_, response) => {
    response
      .writeHead(code, { 'content-type': 'application/xml' })
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

/** A storage whose server gives these answers, in turn, the last one for ever. Returns what was asked as well. */
async function storageAnswering(...answers: Answer[]): Promise<{ storage: S3Storage; requests: string[] }> {
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
  const env = {
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  }
  return { storage: S3Storage.fromUrl('s3://bucket/job', env), requests }
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
    [403, 'AccessDenied', 'access denied', 'allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket there'],
    [404, 'NoSuchBucket', 'the bucket does not exist', 'create it, or choose another --checkpoint-dir'],
    [
      403,
      'InvalidAccessKeyId',
      'the AWS credentials were refused (InvalidAccessKeyId)',
      'check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN',
    ],
  ])('its check explains HTTP %i %s', async (code, name, reason, hint) => {
    const { storage } = await storageAnswering(status(code, name))
    const message = expect.stringMatching(/^cannot create s3:\/\/bucket\/job\/probes\//) as string
    const error: unknown = await storage.check().catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: 'MILLRACE_STORAGE', message, hint })
    expect((error as Error).message.endsWith(`: ${reason}`)).toBe(true)
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

describe('S3 storage without settings', () => {
  it('names AWS_REGION when there is none', async () => {
    process.env['AWS_CONFIG_FILE'] = process.env['AWS_SHARED_CREDENTIALS_FILE'] = '/nonexistent'
    const saved = process.env['AWS_REGION']
    delete process.env['AWS_REGION']
    try {
      await expect(S3Storage.fromUrl('s3://bucket', {}).check()).rejects.toMatchObject({
        code: 'MILLRACE_STORAGE',
        message: expect.stringContaining('no AWS region found') as string,
        hint: 'set AWS_REGION',
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
      const storage = S3Storage.fromUrl('s3://bucket', { AWS_REGION: 'eu-west-1' })
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
