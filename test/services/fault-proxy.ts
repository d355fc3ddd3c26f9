import {
  Agent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import { randomSource } from '../oracles/random-source.js'
import type { Fault, FaultContext } from './faults/faults.js'
import { type AnyRequest, type AnyResponse, listen, resetConnection } from './faults/listener.js'
import { recognise, type Answer, type ProxiedRequest } from './faults/wire.js'

/** When a fault strikes: the first rule that wants a request has it. */
export interface FaultRule {
  readonly fault: Fault
  /** `PutRecords`, or several; every operation unless given. */
  readonly operation?: string | readonly string[]
  /** Of the requests that match, so many pass first. Default 0. */
  readonly after?: number
  /** How many it strikes at most. Default 1; Infinity for all. */
  readonly times?: number
  /** Of each request that matches, by the proxy's seed. Default 1. */
  readonly probability?: number
  /** Only requests that it says yes to. */
  readonly when?: (request: ProxiedRequest) => boolean
}

/** A rule in force. */
export interface InjectedRule {
  /** How many requests it has struck. */
  readonly struck: number
  /** Lets all further requests pass. */
  remove(): void
}

/** A reverse proxy, HTTP/1.1 or HTTP/2 before it and HTTP/1.1 behind it, that stands between a client and an emulator and spoils what it is told to. */
export interface FaultProxy {
  readonly endpoint: string
  readonly port: number
  inject(rule: FaultRule): InjectedRule
  /** Removes all rules. */
  clear(): void
  /** `PutRecords throttle` -> how many times. */
  readonly injected: ReadonlyMap<string, number>
  /** How many requests have come, of an operation or of all. */
  requests(operation?: string): number
  stop(): Promise<void>
}

/** Starts a proxy before a service on loopback. Faults by chance follow `seed`. */
export async function startFaultProxy(
  service: { readonly endpoint: string },
  { seed = 1 }: { readonly seed?: number } = {},
): Promise<FaultProxy> {
  const random = randomSource(seed)
  const rules: Rule[] = []
  const injected = new Map<string, number>()
  const requests = new Map<string, number>()
  // A connection for each request: one that the service closes while it idles would be a fault that nobody injected.
  const agent = new Agent({ keepAlive: false })

  async function serve(incoming: AnyRequest, response: AnyResponse): Promise<void> {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const request = await take(incoming)
    requests.set(request.operation, (requests.get(request.operation) ?? 0) + 1)
    const upstream = new Upstream(service.endpoint, agent, request)
    const context: FaultContext = {
      request,
      random,
      gone: gone.signal,
      forward: (body = request.body) => upstream.ask(body),
    }
    const rule = rules.find((one) => one.wants(request, random.chance.bind(random)))
    const outcome = (await rule?.rule.fault.apply(context)) ?? 'untouched'
    if (rule !== undefined && outcome === 'untouched') rule.struck--
    if (rule !== undefined && outcome !== 'untouched') {
      const what = `${request.operation} ${rule.rule.fault.name}`
      injected.set(what, (injected.get(what) ?? 0) + 1)
    }
    if (outcome === 'drop') resetConnection(incoming)
    else if (outcome === 'pass' || outcome === 'untouched') await upstream.stream(incoming, response, {})
    else if ('status' in outcome) sendWhole(response, outcome)
    else await upstream.stream(incoming, response, outcome)
  }

  const { port, stop } = await listen((incoming, response) => {
    serve(incoming, response).catch(() => resetConnection(incoming))
  })
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    injected,
    requests: (operation) =>
      operation === undefined
        ? [...requests.values()].reduce((sum, one) => sum + one, 0)
        : (requests.get(operation) ?? 0),
    inject(given) {
      const rule = new Rule(given)
      rules.push(rule)
      return rule
    },
    clear() {
      for (const rule of rules.splice(0)) rule.remove()
    },
    async stop() {
      await stop()
      agent.destroy()
    },
  }
}

class Rule implements InjectedRule {
  readonly rule: FaultRule
  struck = 0
  #passed = 0
  #removed = false

  constructor(rule: FaultRule) {
    this.rule = rule
  }

  wants(request: ProxiedRequest, chance: (probability: number) => boolean): boolean {
    const { operation, after = 0, times = 1, probability = 1, when } = this.rule
    if (this.#removed || this.struck >= times) return false
    if (operation !== undefined && ![operation].flat().includes(request.operation)) return false
    if (when !== undefined && !when(request)) return false
    if (this.#passed < after) {
      this.#passed++
      return false
    }
    if (probability < 1 && !chance(probability)) return false
    this.struck++
    return true
  }

  remove(): void {
    this.#removed = true
  }
}

async function take(incoming: AnyRequest): Promise<ProxiedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const { method = 'GET', url = '/' } = incoming
  const headers: IncomingHttpHeaders = {}
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (!name.startsWith(':')) headers[name] = value
  }
  const authority = incoming.headers[':authority']
  if (typeof authority === 'string') headers.host ??= authority
  return { method, url, headers, body, ...recognise(method, url, headers, body) }
}

function sendWhole(response: AnyResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': body.length })
  response.end(body)
}

/** Headers of one connection are no part of the message; HTTP/2 refuses them. */
function endToEnd(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...rest } = headers
  return rest
}

interface Cut {
  readonly cutAfterBytes?: number
}

interface WritableEnd {
  write(chunk: Uint8Array, written: () => void): boolean
}

/** The service behind the proxy, for one request. */
class Upstream {
  readonly #endpoint: URL
  readonly #agent: Agent
  readonly #request: ProxiedRequest

  constructor(endpoint: string, agent: Agent, request: ProxiedRequest) {
    this.#endpoint = new URL(endpoint)
    this.#agent = agent
    this.#request = request
  }

  async ask(body: Buffer): Promise<Answer> {
    const answer = await this.#send(body)
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk as Buffer)
    const { 'content-length': _, ...headers } = endToEnd(answer.headers)
    return {
      status: answer.statusCode ?? 502,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      body: Buffer.concat(chunks),
    }
  }

  /** Passes the answer on as it comes: a subscription's events as well. */
  async stream(incoming: AnyRequest, response: AnyResponse, cut: Cut): Promise<void> {
    const answer = await this.#send(this.#request.body)
    response.on('close', () => answer.destroy())
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers))
    if ('flushHeaders' in response) response.flushHeaders()
    let left = cut.cutAfterBytes ?? Infinity
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      const part: Uint8Array = left < chunk.length ? chunk.subarray(0, left) : chunk
      left -= part.length
      // Written out before anything may cut it.
      if (part.length > 0)
        await new Promise<void>((resolve) => void (response as WritableEnd).write(part, () => resolve()))
      if (left > 0) continue
      resetConnection(incoming)
      return
    }
    response.end()
  }

  #send(body: Buffer): Promise<IncomingMessage> {
    const { method, url } = this.#request
    // The host stays as the client signed it. `expect` was answered here.
    const { expect: _, ...headers } = endToEnd(this.#request.headers)
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        host: this.#endpoint.hostname,
        port: this.#endpoint.port,
        agent: this.#agent,
        method,
        path: url,
        headers: { ...headers, 'content-length': body.length },
      })
      request.once('response', resolve)
      request.once('error', reject)
      request.end(body)
    })
  }
}
