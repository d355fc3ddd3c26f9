import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import fastify, { type FastifyInstance } from 'fastify'
import { simulate, type Progress, type SimulationOptions } from './simulation.js'
import type { Table } from './table.js'
import type { Reading } from './wind.js'

/** Where the simulator listens and what it serves. */
export interface ServerOptions {
  readonly table: Table
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Of this program: the page is in its `page`. */
  readonly folder: string
}

/** A running simulator. */
export interface RunningServer {
  readonly url: string
  close(): Promise<void>
}

/** What is told of a reading. */
type Shown = Omit<Reading, 'id'>

/** What pages are told, as server-sent events. */
type PageEvent =
  | { readonly type: 'simulation'; readonly settings: SimulationOptions; readonly readings: readonly Shown[] }
  | { readonly type: 'readings'; readonly readings: readonly Shown[] }
  | { readonly type: 'progress'; readonly progress: Progress }

const integer = (minimum: number, maximum: number): object => ({ type: 'integer', minimum, maximum })
const SIMULATION_SCHEMA = {
  type: 'object',
  required: ['turbines', 'minSpeed', 'maxSpeed', 'values', 'ratePerSecond'],
  additionalProperties: false,
  properties: {
    turbines: integer(1, 100),
    minSpeed: integer(0, 300),
    maxSpeed: integer(0, 300),
    values: integer(1, 1_000_000),
    ratePerSecond: integer(1, 500),
  },
}

/** Starts the simulator's page and its API: one simulation at a time, watched by any number of pages. */
export async function startServer({ table, host, port, folder }: ServerOptions): Promise<RunningServer> {
  const app = fastify({ ajv: { customOptions: { coerceTypes: false } } })
  const pages = new Pages()
  let running: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined

  await servePage(app, folder)
  app.get('/api/table', () => ({ table: table.name }))
  app.get('/api/events', (request, reply) => {
    reply.hijack()
    pages.add(reply.raw)
  })
  app.post<{ Body: SimulationOptions }>(
    '/api/simulation',
    { schema: { body: SIMULATION_SCHEMA } },
    async (request, reply) => {
      const { minSpeed, maxSpeed } = request.body
      if (minSpeed > maxSpeed) return reply.code(400).send({ message: 'The least speed is above the greatest' })
      if (running !== undefined) return reply.code(409).send({ message: 'A simulation is running: stop it first' })
      pages.started(request.body)
      const abort = new AbortController()
      const ended = simulate(table, request.body, pages, abort.signal).then(() => {
        running = undefined
      })
      running = { abort, ended }
      return reply.code(202).send({})
    },
  )
  app.delete('/api/simulation', async (_, reply) => {
    running?.abort.abort()
    await running?.ended
    return reply.code(204).send()
  })

  await app.listen({ host, port })
  const { port: listening } = app.server.address() as AddressInfo
  return {
    url: `http://${host}:${listening}/`,
    async close() {
      running?.abort.abort()
      await running?.ended
      pages.close()
      await app.close()
    },
  }
}

/** Everything the page needs comes from here: it works without a network. */
async function servePage(app: FastifyInstance, folder: string): Promise<void> {
  const chart = join(dirname(createRequire(import.meta.url).resolve('chart.js')), 'chart.umd.min.js')
  const files: readonly (readonly [string, string, string])[] = [
    ['/', 'text/html; charset=utf-8', join(folder, 'page', 'index.html')],
    ['/page.js', 'text/javascript; charset=utf-8', join(folder, 'page', 'page.js')],
    ['/style.css', 'text/css; charset=utf-8', join(folder, 'page', 'style.css')],
    ['/chart.js', 'text/javascript; charset=utf-8', chart],
  ]
  for (const [path, type, file] of files) {
    const content = await readFile(file)
    app.get(path, (_, reply) =>
      reply
        .headers({
          'content-type': type,
          'content-security-policy': "default-src 'self'; img-src 'self' data:",
        })
        .send(content),
    )
  }
}

/** What the page's chart shows of a simulation. */
const SHOWN_MS = 120_000
/** A page that takes nothing for so long is cut off: it asks again, and is told how things stand. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024

/** The pages that watch. One that comes later is told what the others know. */
class Pages {
  readonly #open = new Set<ServerResponse>()
  #settings: SimulationOptions | undefined
  #recent: Shown[] = []
  #progress: Progress | undefined

  add(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(': hello\n\n')
    this.#open.add(response)
    response.on('close', () => this.#open.delete(response))
    const [settings, readings, progress] = [this.#settings, this.#recent, this.#progress]
    if (settings !== undefined) send(response, { type: 'simulation', settings, readings })
    if (progress !== undefined) send(response, { type: 'progress', progress })
  }

  started(settings: SimulationOptions): void {
    this.#settings = settings
    this.#recent = []
    this.#tell({ type: 'simulation', settings, readings: [] })
  }

  wrote(readings: readonly Reading[]): void {
    const shown = readings.map(({ deviceID, value, time }) => ({ deviceID, value, time }))
    this.#recent.push(...shown)
    const newest = this.#recent.at(-1)?.time ?? 0
    this.#recent.splice(
      0,
      this.#recent.findIndex(({ time }) => time >= newest - SHOWN_MS),
    )
    this.#tell({ type: 'readings', readings: shown })
  }

  progress(progress: Progress): void {
    this.#progress = progress
    this.#tell({ type: 'progress', progress })
  }

  close(): void {
    for (const response of this.#open) response.end()
  }

  #tell(event: PageEvent): void {
    for (const response of this.#open) {
      if (response.writableLength > MAX_WAITING_BYTES) response.destroy()
      else send(response, event)
    }
  }
}

function send(response: ServerResponse, event: PageEvent): void {
  response.write(`data: ${JSON.stringify(event)}\n\n`)
}
