import type { HttpHandler } from '@smithy/core/protocols'
import type { NodeHttp2Handler, NodeHttp2HandlerOptions, NodeHttpHandler } from '@smithy/node-http-handler'

/** How a subscription's connection is made. */
export interface FanOutHandlerOptions {
  /** For `node:http2.connect`: a private certificate authority, for example. */
  readonly tls?: NodeHttp2HandlerOptions['nodeHttp2ConnectOptions']
}

/** Of one stream, before the receiver must have read it: a paused subscription holds this much. */
const STREAM_WINDOW_BYTES = 1024 * 1024

/**
 * The HTTP handler of subscriptions. Over TLS each subscription has an HTTP/2 session of its own, so that one that is paused does not hold
 * the others back by the session's flow control; `http:` endpoints get HTTP/1.1. The SDK's own handler also isolates event streams, but
 * says GOAWAY when their headers arrive, upon which servers other than Amazon's end or break the stream. No time-outs: a subscription is
 * silent when its shard is, and whoever reads it watches over it. Any thread.
 */
export function fanOutHandler(options: FanOutHandlerOptions = {}): HttpHandler {
  const sessions = new Set<{ destroy(): void }>()
  let plain: Promise<NodeHttpHandler> | undefined

  return {
    // For the SDK, which signs the host by this name or by `:authority` accordingly; the service takes either over HTTP/2.
    metadata: { handlerProtocol: 'http/1.1' },
    async handle(request, given) {
      const abortSignal = given?.abortSignal
      const asked = abortSignal === undefined ? {} : { abortSignal }
      if (request.protocol !== 'https:') return (await (plain ??= plainHandler())).handle(request, asked)
      const session = await newSession(options)
      sessions.add(session)
      const over = (): void => {
        sessions.delete(session)
        session.destroy()
      }
      try {
        const { HttpRequest } = await import('@smithy/core/protocols')
        const { host: _, ...headers } = request.headers
        const answer = await session.handle(Object.assign(HttpRequest.clone(request), { headers }), asked)
        const body = answer.response.body as NodeJS.ReadableStream
        body.once('close', over)
        return answer
      } catch (error) {
        over()
        throw error
      }
    },
    destroy() {
      void plain?.then((handler) => handler.destroy())
      for (const session of sessions) session.destroy()
      sessions.clear()
    },
    updateHttpClientConfig() {
      // Its settings are fixed: the SDK offers time-outs of its defaults mode here, and a subscription has none.
    },
    httpHandlerConfigs: () => ({}),
  }
}

async function plainHandler(): Promise<NodeHttpHandler> {
  const { NodeHttpHandler } = await import('@smithy/node-http-handler')
  return new NodeHttpHandler({ requestTimeout: 0, socketTimeout: 0, httpAgent: { maxSockets: Infinity } })
}

async function newSession({ tls }: FanOutHandlerOptions): Promise<NodeHttp2Handler> {
  const { NodeHttp2Handler } = await import('@smithy/node-http-handler')
  return new NodeHttp2Handler({
    requestTimeout: 0,
    sessionTimeout: 0,
    nodeHttp2ConnectOptions: { settings: { initialWindowSize: STREAM_WINDOW_BYTES }, ...tls },
  })
}
