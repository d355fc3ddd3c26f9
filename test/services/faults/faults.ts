import type { RandomSource } from '../../oracles/random-source.js'
import { errorAnswer, type Answer, type ProxiedRequest } from './wire.js'

/** What a fault may do with a request. */
export interface FaultContext {
  readonly request: ProxiedRequest
  readonly random: RandomSource
  /** Asks the service, as the client asked or with another body; gives its whole answer. */
  forward(body?: Buffer): Promise<Answer>
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal
}

/** `drop`: the client's connection is reset; `pass`: the service's own answer after all, streamed. */
export type Outcome = Answer | 'drop' | 'pass' | { readonly cutAfterBytes: number }

/** Something that goes wrong between a client and a service. */
export interface Fault {
  readonly name: string
  /** `untouched`: it found nothing to spoil in this request, which then passes and is not counted. */
  apply(context: FaultContext): Promise<Outcome | 'untouched'> | Outcome | 'untouched'
}

/** The service refuses before it has done anything. */
export function refuse(
  status: number,
  code: string,
  message = `${code}, injected`,
  fields: Readonly<Record<string, unknown>> = {},
): Fault {
  return { name: code, apply: ({ request }) => errorAnswer(request, status, code, message, fields) }
}

/** The service asks to slow down, in the words of each: S3 says 503 SlowDown, Kinesis and DynamoDB 400 ProvisionedThroughputExceeded... */
export function throttle(code?: string): Fault {
  return {
    name: 'throttle',
    apply({ request }) {
      const { protocol } = request
      if (protocol === 's3') return errorAnswer(request, 503, code ?? 'SlowDown', 'Please reduce your request rate.')
      if (protocol === 'query') return errorAnswer(request, 400, code ?? 'Throttling', 'Rate exceeded')
      const target = String(request.headers['x-amz-target'])
      const byThroughput = target.startsWith('Kinesis_') || target.startsWith('DynamoDB')
      const name = byThroughput ? 'ProvisionedThroughputExceededException' : 'ThrottlingException'
      return errorAnswer(request, 400, code ?? name, 'Rate exceeded')
    },
  }
}

/** 500, before the service did anything. */
export function internalError(): Fault {
  return {
    name: 'internal error',
    apply: ({ request }) =>
      errorAnswer(request, 500, request.protocol === 's3' ? 'InternalError' : 'InternalServerError', 'injected'),
  }
}

/** 503, before the service did anything. */
export function unavailable(): Fault {
  return {
    name: 'unavailable',
    apply: ({ request }) =>
      errorAnswer(
        request,
        503,
        request.protocol === 's3' ? 'ServiceUnavailable' : 'ServiceUnavailableException',
        'injected',
      ),
  }
}

/** The service did it and answers 500 all the same. */
export function internalErrorAfter(): Fault {
  return {
    name: 'internal error after',
    async apply({ request, forward }) {
      await forward()
      return errorAnswer(request, 500, 'InternalServerError', 'injected')
    },
  }
}

/** No answer, until the client gives up; the request reached the service or it did not. */
export function silence({ reached }: { readonly reached: boolean }): Fault {
  return {
    name: reached ? 'silence after' : 'silence before',
    async apply({ forward, gone }): Promise<Outcome> {
      if (reached) await forward()
      await new Promise<void>((resolve) => {
        if (gone.aborted) resolve()
        else gone.addEventListener('abort', () => resolve(), { once: true })
      })
      return 'drop'
    },
  }
}

/** The connection is reset before the request reached the service. */
export function dropBefore(): Fault {
  return { name: 'drop before', apply: () => 'drop' }
}

/** The connection is reset when the service has done it and its answer is on the way. */
export function dropAfter(): Fault {
  return {
    name: 'drop after',
    async apply({ forward }): Promise<Outcome> {
      await forward()
      return 'drop'
    },
  }
}

/** The connection is reset in the middle of the answer's body: of a subscription's events, of an object. */
export function cutAfterBytes(bytes: number): Fault {
  return { name: 'cut', apply: () => ({ cutAfterBytes: bytes }) }
}

/** The request waits so long before it goes on. */
export function slow(ms: number): Fault {
  return {
    name: 'slow',
    async apply({ gone }): Promise<Outcome> {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        gone.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
      })
      return gone.aborted ? 'drop' : 'pass'
    },
  }
}

/** TransactWriteItems is cancelled because of another transaction on one of its items: the first, or the given one. */
export function transactionConflict(item = 0): Fault {
  return {
    name: 'transaction conflict',
    apply({ request }) {
      const { TransactItems = [] } = JSON.parse(request.body.toString()) as { TransactItems?: readonly unknown[] }
      const reasons = TransactItems.map((_, index) =>
        index === item
          ? { Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }
          : { Code: 'None' },
      )
      const codes = reasons.map(({ Code }) => Code).join(', ')
      return errorAnswer(
        request,
        400,
        'TransactionCanceledException',
        `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
        { CancellationReasons: reasons },
      )
    },
  }
}

const ALLOWED_SKEW_MS: Readonly<Record<ProxiedRequest['protocol'], number>> = {
  s3: 900_000,
  json: 300_000,
  cbor: 300_000,
  query: 300_000,
}

/**
 * The service's clock goes `offsetMs` ahead of ours (behind, if negative): requests that were signed by another clock are refused, as each
 * service does it, with the service's time in the answer's Date. A client that takes that time is let through.
 */
export function clockSkew(offsetMs: number): Fault {
  return {
    name: 'clock skew',
    apply({ request }) {
      const serverMs = Date.now() + offsetMs
      const date = new Date(serverMs).toUTCString()
      const signedMs = signingTime(request)
      if (signedMs !== undefined && Math.abs(signedMs - serverMs) < ALLOWED_SKEW_MS[request.protocol])
        return 'untouched'
      const [status, code, message] =
        request.protocol === 's3'
          ? [403, 'RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.']
          : [400, 'InvalidSignatureException', 'Signature expired']
      const answer = errorAnswer(request, status, code, message)
      return { ...answer, headers: { ...answer.headers, date } }
    },
  }
}

/** Epoch milliseconds of the header X-Amz-Date: 20240115T060000Z. */
function signingTime({ headers }: ProxiedRequest): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date']))
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
