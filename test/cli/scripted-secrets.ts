import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A Secrets Manager that holds what the test says. */
export interface ScriptedSecrets {
  readonly endpoint: string
  /** By name. An object: a refusal `{ status, type }`. */
  readonly secrets: Map<string, string | { readonly status: number; readonly type: string }>
  /** The names that were asked for. */
  readonly asked: string[]
  stop(): Promise<void>
}

/** Starts one on loopback. */
export async function startScriptedSecrets(): Promise<ScriptedSecrets> {
  const secrets: ScriptedSecrets['secrets'] = new Map()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { SecretId } = JSON.parse(Buffer.concat(chunks).toString()) as { SecretId: string }
      asked.push(SecretId)
      const secret = secrets.get(SecretId) ?? { status: 400, type: 'ResourceNotFoundException' }
      const [status, body] =
        typeof secret === 'string'
          ? [200, { Name: SecretId, SecretString: secret }]
          : [secret.status, { __type: secret.type, message: 'scripted' }]
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    secrets,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
