import { Readable } from 'node:stream'
import type { AwsOptions } from '../../../runtime/aws/client-settings.js'

/** One request in an AWS JSON or query protocol, as the service sees it; of a query, its parameters by name. */
export interface ScriptedCall {
  /** `PutRecords`. */
  readonly operation: string
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each operation has its own body
  readonly body: any
}

interface ScriptedError {
  readonly __error: string
  readonly status?: number
  readonly message?: string
}

/** Of a query: what is inside the result's element. */
interface ScriptedXml {
  readonly xml: string
}

/** Answers with this body, or with an error of this name. */
export type ScriptedAnswer = object | ScriptedError | ScriptedXml

/** A service that answers as the test says, behind the SDK's request handler: no network. `options` are for the connector. */
export class ScriptedAws {
  readonly calls: ScriptedCall[] = []
  readonly options: AwsOptions
  private readonly answer: (call: ScriptedCall) => ScriptedAnswer | Promise<ScriptedAnswer>

  constructor(answer: (call: ScriptedCall) => ScriptedAnswer | Promise<ScriptedAnswer>) {
    this.answer = answer
    process.env['AWS_ACCESS_KEY_ID'] ??= 'testaccesskey'
    process.env['AWS_SECRET_ACCESS_KEY'] ??= 'testsecretkey'
    const handler = {
      handle: (request: { headers: Record<string, string>; body: string | Uint8Array }) => this.handle(request),
      destroy: () => undefined,
      updateHttpClientConfig: () => undefined,
      httpHandlerConfigs: () => ({}),
    }
    this.options = {
      region: 'eu-west-1',
      endpoint: 'http://127.0.0.1:9',
      requestHandler: handler,
    }
  }

  /** The bodies of one operation's calls. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each operation has its own body
  bodies(operation: string): any[] {
    return this.calls.filter((call) => call.operation === operation).map(({ body }): unknown => body)
  }

  private async handle(request: { headers: Record<string, string>; body: string | Uint8Array }): Promise<object> {
    const text = typeof request.body === 'string' ? request.body : new TextDecoder().decode(request.body)
    const target = request.headers['x-amz-target']
    const query = new URLSearchParams(text)
    const body: unknown = target === undefined ? Object.fromEntries(query) : JSON.parse(text)
    const operation = target?.slice(target.lastIndexOf('.') + 1) ?? query.get('Action') ?? ''
    const call = { operation, body }
    this.calls.push(call)
    const answer = await this.answer(call)
    const { __error: error, status = 400, message = 'scripted' } = answer as ScriptedError
    const failed = error !== undefined
    const content =
      target === undefined
        ? failed
          ? `<ErrorResponse><Error><Code>${error}</Code><Message>${message}</Message></Error></ErrorResponse>`
          : `<${operation}Response><${operation}Result>${(answer as ScriptedXml).xml}</${operation}Result></${operation}Response>`
        : JSON.stringify(failed ? { __type: error, message } : answer)
    return {
      response: {
        statusCode: failed ? status : 200,
        headers: { 'content-type': target === undefined ? 'text/xml' : 'application/x-amz-json-1.1' },
        body: Readable.from([Buffer.from(content)]),
      },
    }
  }
}
