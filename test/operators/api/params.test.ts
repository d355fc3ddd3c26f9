import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineJob } from '../../../operators/api/define-job.js'
import type { ParamDeclarations, ParamValues } from '../../../operators/api/param-values.js'
import { p } from '../../../operators/api/params.js'
import { unreadSource, unwrittenSink } from '../graphs.js'

function valuesOf<P extends ParamDeclarations>(params: P, given: Record<string, string> = {}): ParamValues<P> {
  let values: ParamValues<P> | undefined
  defineJob({
    name: 'job',
    params,
    build(env, typed) {
      values = typed
      env.fromSource(unreadSource<number>(), { uid: 'in' }).sinkTo(unwrittenSink(), { uid: 'out' })
    },
  }).build(given)
  return values!
}

function refusal(params: ParamDeclarations, given: Record<string, string>): string {
  try {
    valuesOf(params, given)
  } catch (error) {
    const { code, message, hint } = error as { code: string; message: string; hint?: string }
    return `${code} ${message} (${hint})`
  }
  throw new Error('it was not refused')
}

describe('job parameters', () => {
  it('are typed values of texts', () => {
    const values = valuesOf(
      {
        text: p.string(),
        number: p.number(),
        integer: p.integer(),
        boolean: p.boolean(),
        duration: p.duration(),
        bytes: p.bytes(),
        choice: p.oneOf(['combined', 'beacons']),
      },
      { text: '', number: '-1.5e3', integer: '42', boolean: 'true', duration: '10m', bytes: '64KB', choice: 'beacons' },
    )
    expect({ ...values }).toEqual({
      text: '',
      number: -1500,
      integer: 42,
      boolean: true,
      duration: 600_000,
      bytes: 65_536,
      choice: 'beacons',
    })
  })

  it('have defaults, also as the value they stand for', () => {
    const values = valuesOf({
      a: p.string('x'),
      b: p.number(60),
      c: p.boolean(false),
      d: p.duration('5s'),
      e: p.duration(250),
      f: p.oneOf(['m', 'n'], 'n'),
      g: p.bytes('1MB'),
    })
    expect({ ...values }).toEqual({ a: 'x', b: 60, c: false, d: 5_000, e: 250, f: 'n', g: 2 ** 20 })
  })

  it('that are optional may be left out, or be given as nothing', () => {
    const params = { late: p.sink().optional(), n: p.number().optional() }
    expect({ ...valuesOf(params) }).toEqual({ late: undefined, n: undefined })
    expect({ ...valuesOf(params, { late: '', n: '3' }) }).toEqual({ late: undefined, n: 3 })
  })

  it('are known to the host, so that it can list them', () => {
    const job = defineJob({
      name: 'job',
      checkpointInterval: '1s',
      params: {
        in: p.source('datagen:turbines').describe('where to read'),
        n: p.number(),
        late: p.sink().optional(),
        key: p.string('x').secret(),
      },
      build: () => undefined,
    })
    expect(job).toMatchObject({ millraceJob: 1, name: 'job', checkpointIntervalMs: 1_000 })
    expect(job.params).toEqual([
      { name: 'in', type: 'source', default: 'datagen:turbines', description: 'where to read' },
      { name: 'n', type: 'number' },
      { name: 'late', type: 'sink', default: '' },
      { name: 'key', type: 'string', default: 'x', secret: true },
    ])
  })

  it('may be Standard Schemas, fed the text', () => {
    const params = { port: z.coerce.number().int(), mode: z.enum(['a', 'b']).default('b') }
    expect({ ...valuesOf(params, { port: '80' }) }).toEqual({ port: 80, mode: 'b' })
    expect(refusal(params, { port: '80', mode: 'c' })).toMatch(/^MILLRACE_PARAM parameter mode does not parse: /)
    expect(refusal({ mode: z.enum(['a']) }, {})).toMatch(/parameter mode .*is missing/)
    expect(refusal({ mode: z.string().refine(async () => true) }, { mode: 'a' })).toMatch(/asynchronously/)
  })

  it.each<[string, ParamDeclarations, Record<string, string>, RegExp]>([
    [
      'unknown',
      { threshold: p.number(60), input: p.string('') },
      { treshold: '1' },
      /unknown parameter "treshold"; did you mean threshold\? \(known parameters: threshold, input\)/,
    ],
    ['unknown and like no other', { threshold: p.number(60) }, { __proto: '1' }, /unknown parameter "__proto" \(known/],
    ['given to a job that has none', {}, { a: '1' }, /\(this job has no parameters\)/],
    ['missing', { input: p.source() }, {}, /parameter input \(source\) is missing \(give it: --param input=/],
    ['no number', { n: p.number(1) }, { n: '1x' }, /parameter n does not parse: "1x" \(expected a number\)/],
    ['empty where a number is expected', { n: p.number(1) }, { n: '' }, /n does not parse/],
    ['hexadecimal', { n: p.integer(1) }, { n: '0x10' }, /expected a whole number/],
    ['too large for a whole number', { n: p.integer(1) }, { n: '9007199254740993' }, /expected a whole number/],
    [
      'out of bounds',
      { n: p.integer(1, { min: 1, max: 8 }) },
      { n: '9' },
      /expected a whole number, at least 1, at most 8/,
    ],
    ['no duration', { d: p.duration('5s') }, { d: '5' }, /expected a duration such as 500ms, 5s/],
    ['no boolean', { b: p.boolean() }, { b: 'yes' }, /expected true or false/],
    ['no size', { b: p.bytes() }, { b: '5 parsecs' }, /expected a number of bytes/],
    ['none of the choices', { c: p.oneOf(['x', 'y']) }, { c: 'z' }, /expected one of x, y/],
    ['no place', { s: p.source() }, { s: '/data/in' }, /expected scheme:path, such as file:\/data\/in/],
  ])('are refused if %s', (_, params, given, message) => {
    const text = refusal(params, given)
    expect(text).toMatch(message)
    expect(text).toMatch(/^MILLRACE_PARAM /)
  })

  it('never show a secret', () => {
    expect(refusal({ key: p.integer().secret() }, { key: 'hunter2' })).not.toContain('hunter2')
  })

  it('that are no parameters are refused with the job', () => {
    expect(() => defineJob({ name: 'job', params: { n: 5 as never }, build: () => undefined })).toThrow(
      /params.n is no parameter/,
    )
  })
})
