import { request as httpRequest } from 'node:http'
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'

/** Ends TLS, HTTP/2 or HTTP/1.1 as the client likes, before a service that speaks plain HTTP/1.1. */
export interface TlsProxy {
  readonly endpoint: string
  /** `SubscribeToShard 2.0` -> how often. */
  readonly requests: ReadonlyMap<string, number>
  stop(): Promise<void>
}

/** Starts one on loopback. */
export async function startTlsProxy(
  service: { readonly endpoint: string },
  { key, cert }: { readonly key: string; readonly cert: string },
): Promise<TlsProxy> {
  const { hostname, port } = new URL(service.endpoint)
  const requests = new Map<string, number>()
  const sockets = new Set<Socket>()

  function forward(incoming: Http2ServerRequest, response: Http2ServerResponse): void {
    const { method, url, httpVersion } = incoming
    const operation = String(incoming.headers['x-amz-target']).split('.')[1]
    const what = `${operation} ${httpVersion}`
    requests.set(what, (requests.get(what) ?? 0) + 1)
    const headers = Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => !name.startsWith(':')))
    const cut = (): void => (httpVersion === '2.0' ? response.stream.close(2) : void incoming.socket.destroy())
    const upstream = httpRequest({
      hostname,
      port,
      method,
      path: url,
      headers: { ...headers, host: `${hostname}:${port}` },
    })
    upstream.on('error', cut)
    upstream.on('response', (answer) => {
      const { connection: _, 'transfer-encoding': __, 'keep-alive': ___, ...kept } = answer.headers
      response.writeHead(answer.statusCode ?? 502, kept)
      answer.on('error', cut)
      answer.pipe(response)
    })
    response.on('close', () => upstream.destroy())
    incoming.pipe(upstream)
  }

  const server = createSecureServer({ key, cert, allowHTTP1: true }, forward)
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('sessionError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
