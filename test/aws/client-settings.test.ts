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
    const { createServer } = await import('node:http')
    const denied =
      '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>'
    const server = createServer((_, response) => response.writeHead(403, { 'content-type': 'text/xml' }).end(denied))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    vi.stubEnv('AWS_ENDPOINT_URL_STS', `http://127.0.0.1:${port}`)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'testaccesskey')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testsecretkey')
    try {
      const roleArn = 'arn:aws:iam::123456789012:role/reader'
      const { credentials } = await clientSettings({ region: 'eu-west-1', roleArn })
      await expect(credentials!()).rejects.toMatchObject({
        code: 'MILLRACE_USAGE',
        message: `role ${roleArn}: access denied (AccessDenied)`,
        hint: expect.stringContaining('sts:AssumeRole') as string,
      })
    } finally {
      server.close()
    }
  })
})
