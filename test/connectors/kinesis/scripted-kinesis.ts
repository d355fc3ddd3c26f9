import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import { EventStreamCodec } from '@smithy/core/event-streams'
import { fromUtf8, toUtf8 } from '@smithy/core/serde'

/** A record as the service sends it. */
export interface ScriptedRecord {
  readonly SequenceNumber: string
  readonly Data: string
  readonly PartitionKey?: string
}

/** What SubscribeToShard was asked for. */
export interface SubscribeRequest {
  readonly ConsumerARN: string
  readonly ShardId: string
  readonly StartingPosition: { readonly Type: string; readonly SequenceNumber?: string; readonly Timestamp?: number }
}

/** One subscription, from the service's side. */
export interface ScriptedSubscription {
  readonly request: SubscribeRequest
  /** `1.1` or `2.0`. */
  readonly httpVersion: string
  /** Which subscription of the server it is, from 1. */
  readonly number: number
  /** Resolves to false when it has been sent into a connection that is over. */
  send(event: ScriptedEvent): Promise<boolean>
  /** An exception inside the event stream. */
  fail(name: string, message?: string): void
  /** As after five minutes. */
  end(): void
  /** Drops the connection. */
  break(): void
  /** Half an event, then nothing more. */
  truncate(): void
  readonly closed: Promise<void>
}

/** `SubscribeToShardEvent`, as JSON. */
export interface ScriptedEvent {
  readonly Records?: readonly ScriptedRecord[]
  readonly ContinuationSequenceNumber?: string | null
  readonly MillisBehindLatest?: number
  readonly ChildShards?: readonly object[]
}

/** An error answer. */
export class Refusal extends Error {
  readonly status: number

  constructor(name: string, status: number = 400, message: string = 'scripted') {
    super(message)
    this.name = name
    this.status = status
  }
}

/** What the service does. Throwing a {@link Refusal} refuses the request. */
export interface KinesisScript {
  /** Answers of the other operations, by name: `DescribeStreamConsumer`. */
  readonly operations?: Readonly<Record<string, (request: Record<string, unknown>) => unknown>>
  subscribe(subscription: ScriptedSubscription): void | Promise<void>
  /** Before the answer's headers. */
  admit?(request: SubscribeRequest, number: number): void | Promise<void>
}

/** A Kinesis that does what the test says, over HTTP/1.1, or over TLS with HTTP/2. */
export interface ScriptedKinesis {
  readonly endpoint: string
  readonly subscriptions: readonly SubscribeRequest[]
  readonly calls: readonly string[]
  /** What the network has taken of it, on connections that are still open. */
  writtenBytes(): number
  stop(): Promise<void>
}

type AnyRequest = IncomingMessage | Http2ServerRequest
type AnyResponse = ServerResponse | Http2ServerResponse

const codec = new EventStreamCodec(toUtf8, fromUtf8)

/** Starts one on loopback. */
export async function startScriptedKinesis(
  script: KinesisScript,
  tls?: { readonly key: string; readonly cert: string },
): Promise<ScriptedKinesis> {
  const subscriptions: SubscribeRequest[] = []
  const calls: string[] = []
  const sockets = new Set<Socket>()

  async function serve(request: AnyRequest, response: AnyResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? ''
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
    calls.push(operation)
    try {
      if (operation !== 'SubscribeToShard') {
        const answer = script.operations?.[operation]?.(body)
        if (answer === undefined) throw new Refusal('ResourceNotFoundException')
        json(response, 200, answer)
        return
      }
      const asked = body as unknown as SubscribeRequest
      const number = subscriptions.push(asked)
      await script.admit?.(asked, number)
      await script.subscribe(subscription(asked, number, request, response))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      json(response, error.status, { __type: error.name, message: error.message })
    }
  }
  const listener = (request: AnyRequest, response: AnyResponse): void => {
    serve(request, response).catch((error: unknown) => console.error('scripted Kinesis', error))
  }
  const server = (tls === undefined ? createPlain(listener) : createSecureServer(tls, listener)) as Server
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    subscriptions,
    calls,
    writtenBytes: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0),
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function json(response: AnyResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
  response.end(JSON.stringify(body))
}

function subscription(
  request: SubscribeRequest,
  number: number,
  incoming: AnyRequest,
  response: AnyResponse,
): ScriptedSubscription {
  const out = response as unknown as {
    write(chunk: Uint8Array, written: (error?: Error | null) => void): boolean
    end(): void
    writableEnded: boolean
  }
  response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' })
  out.write(frame('event', 'initial-response', {}), () => undefined)
  let over = false
  const closed = new Promise<void>((resolve) => {
    const closing = (): void => {
      over = true
      resolve()
    }
    response.on('close', closing)
  })
  const write = (bytes: Uint8Array): Promise<boolean> =>
    new Promise((resolve) => {
      if (over) resolve(false)
      else out.write(bytes, (error) => resolve(error === undefined || error === null))
    })
  return {
    request,
    number,
    httpVersion: incoming.httpVersion,
    send: (event) => write(frame('event', 'SubscribeToShardEvent', event)),
    fail(name, message = 'scripted') {
      void write(frame('exception', name, { message }))
      out.end()
    },
    end: () => out.end(),
    break() {
      // Of HTTP/2 the session's own proxy refuses to be destroyed.
      if ('stream' in incoming) incoming.stream.session?.destroy()
      else incoming.socket.destroy()
    },
    truncate() {
      void write(frame('event', 'SubscribeToShardEvent', { Records: [] }).subarray(0, 50)).then(() => out.end())
    },
    closed,
  }
}

function frame(kind: 'event' | 'exception', type: string, body: object): Uint8Array {
  return codec.encode({
    headers: {
      ':message-type': { type: 'string', value: kind },
      [kind === 'event' ? ':event-type' : ':exception-type']: { type: 'string', value: type },
      ':content-type': { type: 'string', value: 'application/x-amz-json-1.1' },
    },
    body: Buffer.from(JSON.stringify(body)),
  })
}
