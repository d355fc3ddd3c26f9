import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { clientSettings } from '../../runtime/aws/client-settings.js'

afterEach(() => vi.unstubAllEnvs())

describe('clientSettings', () => {
  it.each([
    [{ region: 'eu-west-1', endpoint: 'notaurl' }, 'endpoint is not a URL: "notaurl"'],
    [{ region: '' }, '"" is not the name of an AWS region'],
    [{ region: 'Ireland, please' }, '"Ireland, please" is not the name of an AWS region'],
  ])('refuses %j in one line', async (options, message) => {
    await expect(clientSettings(options)).rejects.toMatchObject({ code: 'MILLRACE_USAGE', message })
  })

  it('names the variable whose endpoint is no URL', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_KINESIS', 'localhost:4567')
    await expect(clientSettings({ region: 'eu-west-1' })).rejects.toMatchObject({
      code: 'MILLRACE_USAGE',
      message: 'AWS_ENDPOINT_URL_KINESIS is not a URL: "localhost:4567"',
    })
  })

  it('names a role that cannot be assumed, and the permission', async () => {
    const denied =
      '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>'
    await using _ = await tokenService(403, denied)
    const roleArn = 'arn:aws:iam::123456789012:role/reader'
    const { credentials } = await clientSettings({ region: 'eu-west-1', roleArn })
    await expect(credentials!()).rejects.toMatchObject({
      code: 'MILLRACE_USAGE',
      message: `role ${roleArn}: access denied (AccessDenied)`,
      hint: expect.stringContaining('sts:AssumeRole') as string,
    })
  })

  it.each([
    [{}, { RoleSessionName: 'millrace', ExternalId: null }],
    [
      { externalId: 'tenant-7', roleSessionName: 'turbines' },
      { RoleSessionName: 'turbines', ExternalId: 'tenant-7' },
    ],
  ])('assumes a role, given %j', async (options, sent) => {
    const credentialsXml =
      '<AccessKeyId>assumed</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>' +
      '<Expiration>2099-01-01T00:00:00Z</Expiration>'
    const answer = `<AssumeRoleResponse><AssumeRoleResult><Credentials>${credentialsXml}</Credentials></AssumeRoleResult></AssumeRoleResponse>`
    await using service = await tokenService(200, answer)
    const roleArn = 'arn:aws:iam::123456789012:role/reader'
    const { credentials } = await clientSettings({ region: 'eu-west-1', roleArn, ...options })
    expect(await credentials!()).toMatchObject({ accessKeyId: 'assumed', sessionToken: 't' })
    const [request] = service.requests
    const names = ['Action', 'RoleArn', 'RoleSessionName', 'ExternalId']
    expect(Object.fromEntries(names.map((name) => [name, request!.get(name)]))).toEqual({
      Action: 'AssumeRole',
      RoleArn: roleArn,
      ...sent,
    })
  })
})

interface TokenService extends AsyncDisposable {
  readonly requests: readonly URLSearchParams[]
}

/** Stands for STS in the environment, until it is disposed of. */
async function tokenService(status: number, answer: string): Promise<TokenService> {
  const requests: URLSearchParams[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      requests.push(new URLSearchParams(body))
      response.writeHead(status, { 'content-type': 'text/xml' }).end(answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  vi.stubEnv('AWS_ENDPOINT_URL_STS', `http://127.0.0.1:${port}`)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'testaccesskey')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testsecretkey')
  return {
    requests,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
