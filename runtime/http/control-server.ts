import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ControlOptions } from './job-control.js'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/**
 * The HTTP API of one running job, on loopback and a port that the system chooses. Costs a socket until somebody asks: the framework is
 * loaded then. Main thread.
 */
export class ControlServer {
  readonly port: number
  private readonly server: Server

  private constructor(server: Server) {
    this.server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** Rejects where no socket can be opened. */
  static async open(options: ControlOptions): Promise<ControlServer> {
    let handler: Promise<Handler> | undefined
    const server = createServer((request, response) => {
      handler ??= import('./routes.js').then(({ controlRoutes }) => controlRoutes(options))
      handler.then(
        (handle) => handle(request, response),
        () => response.writeHead(500).end(),
      )
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: '127.0.0.1', port: 0 }, resolve)
    })
    server.on('error', () => {})
    // Only the job keeps the process alive.
    server.unref()
    return new ControlServer(server)
  }

  /** Takes no further request; resolves when those under way are answered, or after `withinMs`. */
  async close(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => {
        this.server.closeAllConnections()
        resolve()
      }, withinMs)
      this.server.close(() => {
        clearTimeout(late)
        resolve()
      })
      this.server.closeIdleConnections()
    })
  }
}
