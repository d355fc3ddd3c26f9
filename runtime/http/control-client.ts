import { request } from 'node:http'
import { MillraceError, deserializeError, type SerializedError } from '../contract/errors.js'

/** How a running job is reached. */
export interface ControlAddress {
  readonly jobId: string
  readonly port: number
  readonly token: string
}

/**
 * Asks a running job; resolves with what it answers, however long that takes. Rejects with its own error, or with MILLRACE_CONTROL where
 * it can't be reached or ends before it has answered.
 */
export async function askJob<T>(
  address: ControlAddress,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<T> {
  const { status, text } = await send(address, method, path, body)
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw new MillraceError('MILLRACE_CONTROL', `job "${address.jobId}" did not answer as it should (HTTP ${status})`)
  }
  if (status >= 200 && status < 300) return answer as T
  const { error } = answer as { error?: SerializedError }
  throw error === undefined
    ? new MillraceError('MILLRACE_CONTROL', `job "${address.jobId}" refused (HTTP ${status})`)
    : deserializeError(error)
}

function send(
  { jobId, port, token }: ControlAddress,
  method: string,
  path: string,
  body: object | undefined,
): Promise<{ status: number; text: string }> {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const headers = {
    authorization: `Bearer ${token}`,
    ...(bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': bytes.length }),
  }
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: `/v1/${path}`, method, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
      response.on('error', () => reject(lost(jobId)))
    })
    sent.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ECONNREFUSED' ? unreachable(jobId, port) : lost(jobId)),
    )
    sent.end(bytes)
  })
}

function unreachable(jobId: string, port: number): MillraceError {
  return new MillraceError('MILLRACE_CONTROL', `job "${jobId}" does not answer on 127.0.0.1:${port}`, {
    hint: 'it may just have ended, or run in another container',
  })
}

function lost(jobId: string): MillraceError {
  return new MillraceError('MILLRACE_CONTROL', `job "${jobId}" ended before it had answered`, {
    hint: 'submit it again: it goes on from its last checkpoint',
  })
}
