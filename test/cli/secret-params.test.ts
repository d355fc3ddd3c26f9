import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Redactor } from '../../runtime/cli/redactor.js'
import { withRedactedPlaces } from '../../runtime/cli/redacted-places.js'
import { SecretParams } from '../../runtime/cli/secret-params.js'
import { secretReference } from '../../runtime/aws/secrets.js'
import type { ParamSpec } from '../../runtime/contract/graph.js'
import { defineJob, json, noWatermarks, p, sinkFor, streamFrom } from '../../operators/index.js'
import { useAwsEnv } from '../services/emulators/aws-env.js'
import { type ScriptedSecrets, startScriptedSecrets } from './scripted-secrets.js'

let manager: ScriptedSecrets
let restoreEnv: () => void
let redactor: Redactor

beforeEach(async () => {
  manager = await startScriptedSecrets()
  restoreEnv = useAwsEnv({ secrets_manager: manager })
  redactor = new Redactor()
})
afterEach(async () => {
  restoreEnv()
  await manager.stop()
})

const read = (given: Record<string, string>, specs: readonly ParamSpec[] = []) =>
  SecretParams.read(given, specs, redactor)

describe('parameters that name a secret', () => {
  it('stand for all of it, or for a field of one that is JSON; the rest stays as it is', async () => {
    manager.secrets.set('plain', 'all of it')
    manager.secrets.set('prod/search', '{"user":"me","password":"hunter2!","port":9200}')
    const params = await read({
      a: 'secret:plain',
      b: 'secret:prod/search#password',
      c: 'secret:prod/search#port',
      d: 'no secret: this',
    })
    expect(params.values).toEqual({ a: 'all of it', b: 'hunter2!', c: '9200', d: 'no secret: this' })
    expect(manager.asked.sort()).toEqual(['plain', 'prod/search'])
  })

  it('may do so by default', async () => {
    manager.secrets.set('plain', 'by default')
    const params = await read({}, [{ name: 'token', type: 'string', default: 'secret:plain' }])
    expect(params.values).toEqual({ token: 'by default' })
  })

  it('ask nobody where there is none', async () => {
    restoreEnv()
    restoreEnv = useAwsEnv({})
    delete process.env['AWS_REGION']
    expect((await read({ a: 'x' })).values).toEqual({ a: 'x' })
  })

  it('may be ARNs, whose region is asked', () => {
    const arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/search-AbCdEf'
    expect(secretReference('a', `secret:${arn}#password`)).toEqual({ id: arn, field: 'password' })
  })

  it.each(['secret:', 'secret:a b', 'secret:name#', 'secret:arn:aws:s3:::bucket'])('%s is refused', (text) => {
    expect(() => secretReference('token', text)).toThrow(/parameter token: .* names no secret/)
  })
})

describe('errors name the secret and the parameter, and nothing in it', () => {
  it.each<[string, string | { status: number; type: string }, string, RegExp]>([
    [
      'that does not exist',
      { status: 400, type: 'ResourceNotFoundException' },
      'secret:s',
      /secret "s" of parameter token: does not exist in region us-east-1/,
    ],
    [
      'that may not be read',
      { status: 400, type: 'AccessDeniedException' },
      'secret:s',
      /secret "s" of parameter token: access denied/,
    ],
    [
      'without that field',
      '{"pass":"hunter2!"}',
      'secret:s#password',
      /secret "s" of parameter token: has no field "password"/,
    ],
    ['that is no JSON', 'hunter2!', 'secret:s#password', /secret "s" of parameter token: is no JSON object/],
    ['whose field is an object', '{"password":{"x":"hunter2!"}}', 'secret:s#password', /"password" is not a text/],
  ])('a secret %s', async (_, secret, text, message) => {
    manager.secrets.set('s', secret)
    const error = await read({ token: text }).then(
      () => undefined,
      (reason: unknown) => reason as Error & { readonly hint: string },
    )
    expect(error).toMatchObject({ code: 'MILLRACE_PARAM', message: expect.stringMatching(message) })
    expect(`${error?.message} ${error?.hint} ${error?.stack}`).not.toContain('hunter2!')
  })
})

describe('read again', () => {
  it('a new value is seen, and both are hidden', async () => {
    manager.secrets.set('s', 'before!')
    const params = await read({ a: 'secret:s' })
    expect(await params.readAgain(() => undefined)).toBe(false)
    manager.secrets.set('s', 'behind!')
    expect(await params.readAgain(() => undefined)).toBe(true)
    expect(params.values).toEqual({ a: 'behind!' })
    expect(redactor.text('before! behind! beyond!')).toBe('*** *** beyond!')
  })

  it('an outage keeps what was read before, with a warning', async () => {
    manager.secrets.set('s', 'before!')
    const params = await read({ a: 'secret:s' })
    manager.secrets.set('s', { status: 500, type: 'InternalServiceError' })
    const warnings: string[] = []
    expect(await params.readAgain((message) => warnings.push(message))).toBe(false)
    expect(params.values).toEqual({ a: 'before!' })
    expect(warnings).toEqual([expect.stringMatching(/secret "s" of parameter a: .*going on with the values/)])
  })

  it('a secret that is gone is an error', async () => {
    manager.secrets.set('s', 'before!')
    const params = await read({ a: 'secret:s' })
    manager.secrets.delete('s')
    await expect(params.readAgain(() => undefined)).rejects.toThrow('does not exist')
  })
})

describe('what is said', () => {
  it('shows no secret: not as it is, in JSON, or in a URL, nor in causes and hints', () => {
    redactor.hide('pa"ss&word')
    const error = redactor.error({
      code: 'MILLRACE_USER',
      message: 'pa"ss&word, pa\\"ss&word and pa%22ss%26word',
      hint: 'not pa"ss&word',
      stack: 'Error: pa"ss&word\n    at x',
      cause: { code: 'MILLRACE_USER', message: 'for pa"ss&word' },
    })
    expect(error).toEqual({
      code: 'MILLRACE_USER',
      message: '***, *** and ***',
      hint: 'not ***',
      stack: 'Error: ***\n    at x',
      cause: { code: 'MILLRACE_USER', message: 'for ***' },
    })
  })

  it('hides a secret that holds another one as a whole', () => {
    redactor.hide('inner')
    redactor.hide('an inner one')
    expect(redactor.text('it is an inner one')).toBe('it is ***')
  })

  it('hides values of secret parameters that are given themselves', async () => {
    await read({ token: 'given in the open' }, [{ name: 'token', type: 'string', secret: true }])
    expect(redactor.text('token given in the open')).toBe('token ***')
  })

  it('describes places without them, while what reads and writes has them', () => {
    redactor.hide('hidden-folder')
    const job = defineJob({
      name: 'copy',
      params: { input: p.source(), output: p.sink() },
      build(env, { input, output }) {
        env
          .fromSource(streamFrom(input), { uid: 'in', decode: json(), watermarks: noWatermarks() })
          .map(() => 'x')
          .sinkTo(sinkFor<string>(output), { uid: 'out' })
      },
    })
    const graph = withRedactedPlaces(
      job.build({ input: 'file:/tmp/hidden-folder/in', output: 'file:/tmp/hidden-folder/out' }),
      redactor,
    )
    const places = graph.nodes.flatMap((node) =>
      node.kind === 'source' ? [node.source.describe] : node.kind === 'sink' ? [node.sink.describe] : [],
    )
    expect(places).toHaveLength(2)
    for (const place of places) expect(place).toMatch(/\/tmp\/\*\*\*\/(in|out)/)
  })
})
