import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fastify, type FastifyInstance } from 'fastify'
import { MillraceError, serializeError, type SerializedError } from '../contract/errors.js'
import type { ControlOptions, JobControl } from './job-control.js'

/** What an endpoint answers when it does not do what was asked. */
export interface ErrorAnswer {
  readonly error: Omit<SerializedError, 'stack' | 'cause'>
}

const MAX_BODY_BYTES = 64 * 1024

/** The endpoints of one running job, all under `/v1`; every one wants the token. */
export async function controlRoutes({
  control,
  token,
}: ControlOptions): Promise<(request: IncomingMessage, response: ServerResponse) => void> {
  const app = fastify({ bodyLimit: MAX_BODY_BYTES })
  app.addHook('onRequest', async (request, reply) => {
    if (!isToken(request.headers.authorization, token)) {
      const error = new MillraceError('MILLRACE_CONTROL', 'the token is missing or wrong')
      await reply.code(401).send(answerOf(error))
    }
  })
  app.setNotFoundHandler(async (request, reply) => {
    const error = new MillraceError('MILLRACE_CONTROL', `there is no ${request.method} ${request.url}`)
    await reply.code(404).send(answerOf(error))
  })
  app.setErrorHandler(async (error, _request, reply) => {
    const answer = answerOf(error)
    await reply.code(STATUS[answer.error.code] ?? statusOf(error)).send(answer)
  })
  addEndpoints(app, control)
  await app.ready()
  return (request, response) => app.routing(request, response)
}

function addEndpoints(app: FastifyInstance, control: JobControl): void {
  app.get('/v1/status', () => control.status())
  app.get('/v1/checkpoints', () => control.checkpoints())
  app.get('/v1/exceptions', () => control.exceptions())
  app.post<{ Body: { directory?: string } | null }>('/v1/savepoint', BODY_OF_SAVEPOINT, (request) =>
    control.savepoint(request.body?.directory),
  )
  app.post<{ Body: { directory?: string; drain?: boolean } | null }>('/v1/stop', BODY_OF_STOP, (request) =>
    control.stop(request.body?.directory, request.body?.drain ?? false),
  )
  app.post('/v1/cancel', () => {
    control.cancel()
    return {}
  })
  app.post<{ Body: { parallelism: number } }>('/v1/rescale', BODY_OF_RESCALE, async (request) => {
    await control.rescale(request.body.parallelism)
    return { parallelism: request.body.parallelism }
  })
}

const directory = { type: 'string', minLength: 1, maxLength: 4096 }
const BODY_OF_SAVEPOINT = { schema: { body: bodyOf({ directory }, []) } }
const BODY_OF_STOP = { schema: { body: bodyOf({ directory, drain: { type: 'boolean' } }, []) } }
const BODY_OF_RESCALE = {
  schema: { body: bodyOf({ parallelism: { type: 'integer', minimum: 1, maximum: 1024 } }, ['parallelism']) },
}

function bodyOf(properties: object, required: readonly string[]): object {
  return {
    type: required.length === 0 ? ['object', 'null'] : 'object',
    properties,
    required,
    additionalProperties: false,
  }
}

const STATUS: Readonly<Record<string, number>> = { MILLRACE_USAGE: 400, MILLRACE_CONTROL: 409 }

function statusOf(error: unknown): number {
  const { statusCode } = error as { statusCode?: number }
  return statusCode ?? 500
}

/** What the framework refuses is wrong usage. */
function answerOf(error: unknown): ErrorAnswer {
  const refused = (error as { statusCode?: number }).statusCode !== undefined
  const { code, message, hint, at } = serializeError(error, refused ? 'MILLRACE_USAGE' : 'MILLRACE_INTERNAL')
  return { error: { code, message, ...(hint === undefined ? {} : { hint }), ...(at === undefined ? {} : { at }) } }
}

/** Compared by their hashes, which are of one length: how long it takes says nothing of the token. */
function isToken(header: string | undefined, token: string): boolean {
  return timingSafeEqual(hashOf(header ?? ''), hashOf(`Bearer ${token}`))
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
