import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** A request of either version of HTTP. */
export type AnyRequest = IncomingMessage | Http2ServerRequest
/** Its answer. */
export type AnyResponse = ServerResponse | Http2ServerResponse

/** A listening server. */
export interface Listener {
  readonly port: number
  stop(): Promise<void>
}

const HTTP2_PREFACE = 'PRI * HTTP/2'

/** Listens on loopback for HTTP/1.1 and for HTTP/2 without TLS, which is what the Kinesis client speaks to an http: endpoint. */
export async function listen(serve: (request: AnyRequest, response: AnyResponse) => void): Promise<Listener> {
  const http1 = createHttp1({ keepAliveTimeout: 60_000 }, serve)
  const http2 = createHttp2(serve)
  http2.on('sessionError', () => undefined)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.once('data', (first) => {
      socket.pause()
      socket.unshift(first)
      const text = first.subarray(0, HTTP2_PREFACE.length).toString('latin1')
      ;(text === HTTP2_PREFACE ? http2 : http1).emit('connection', socket)
      process.nextTick(() => socket.resume())
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Resets the connection that a request came by. */
export function resetConnection(request: AnyRequest): void {
  // An HTTP/2 request's socket may not be destroyed; its session's may.
  if ('stream' in request) request.stream.session?.destroy()
  else request.socket.resetAndDestroy()
}
