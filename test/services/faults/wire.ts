import type { IncomingHttpHeaders } from 'node:http'
import { cbor } from '@smithy/core/cbor'

/** A request as the proxy took it. */
export interface ProxiedRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** `PutRecords`, `CompleteMultipartUpload`... whatever the protocol. */
  readonly operation: string
  readonly protocol: Protocol
}

/** How a service speaks: AWS JSON 1.0 and 1.1, Smithy's RPC over CBOR, the query protocol, S3's REST. */
export type Protocol = 'json' | 'cbor' | 'query' | 's3'

/** A whole answer. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Protocol and operation of a request, from its headers, path and body. */
export function recognise(
  method: string,
  url: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): { readonly protocol: Protocol; readonly operation: string } {
  const target = headers['x-amz-target']
  if (typeof target === 'string') return { protocol: 'json', operation: target.slice(target.indexOf('.') + 1) }
  const rpc = /\/service\/[^/]+\/operation\/([^/?]+)/.exec(url)
  if (rpc !== null) return { protocol: 'cbor', operation: rpc[1] as string }
  if (String(headers['content-type']).startsWith('application/x-www-form-urlencoded')) {
    return { protocol: 'query', operation: new URLSearchParams(body.toString()).get('Action') ?? 'unknown' }
  }
  return { protocol: 's3', operation: s3Operation(method, new URL(url, 'http://s3')) }
}

function s3Operation(method: string, { pathname, searchParams: query }: URL): string {
  const ofObject = pathname.slice(1).includes('/') && !pathname.endsWith('/')
  if (query.has('uploads')) return method === 'POST' ? 'CreateMultipartUpload' : 'ListMultipartUploads'
  if (query.has('uploadId')) {
    const names: Record<string, string> = {
      PUT: 'UploadPart',
      POST: 'CompleteMultipartUpload',
      DELETE: 'AbortMultipartUpload',
      GET: 'ListParts',
    }
    return names[method] ?? 'unknown'
  }
  if (query.has('delete')) return 'DeleteObjects'
  if (query.has('list-type')) return 'ListObjectsV2'
  const verb: Record<string, string> = { PUT: 'Put', GET: 'Get', HEAD: 'Head', DELETE: 'Delete' }
  if (!ofObject) return method === 'PUT' ? 'CreateBucket' : `${verb[method] ?? method}Bucket`
  return `${verb[method] ?? method}Object`
}

/** An error in the form of the request's protocol. `fields` are more members of the error: CancellationReasons. */
export function errorAnswer(
  { protocol, method }: ProxiedRequest,
  status: number,
  code: string,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): Answer {
  const common = { 'x-amzn-requestid': 'fault', date: new Date().toUTCString() }
  switch (protocol) {
    case 'json':
      return {
        status,
        headers: { ...common, 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': code },
        body: Buffer.from(JSON.stringify({ __type: `com.amazonaws.fault#${code}`, message, ...fields })),
      }
    case 'cbor':
      return {
        status,
        headers: { ...common, 'content-type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor' },
        body: Buffer.from(cbor.serialize({ __type: `com.amazonaws.fault#${code}`, message, ...fields })),
      }
    case 'query': {
      const type = status < 500 ? 'Sender' : 'Receiver'
      const error = `<Error><Type>${type}</Type><Code>${code}</Code><Message>${message}</Message></Error>`
      return {
        status,
        headers: { ...common, 'content-type': 'text/xml' },
        body: Buffer.from(`<ErrorResponse>${error}<RequestId>fault</RequestId></ErrorResponse>`),
      }
    }
    case 's3': {
      const more = Object.entries(fields)
        .map(([name, value]) => `<${name}>${String(value)}</${name}>`)
        .join('')
      const error = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message>${more}</Error>`
      return {
        status,
        headers: { ...common, 'x-amz-request-id': 'fault', 'content-type': 'application/xml' },
        body: Buffer.from(method === 'HEAD' ? '' : error),
      }
    }
  }
}
