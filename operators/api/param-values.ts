import { MillraceError } from '../../runtime/contract/errors.js'
import type { ParamSpec } from '../../runtime/contract/graph.js'
import { describeIssues, type SchemaResult, type StandardSchema } from '../formats/standard-schema.js'
import { Param, paramSpec } from './param.js'

/** What `defineJob({ params })` takes: parameters of `p`, or synchronous Standard Schemas fed a text. */
export type ParamDeclarations = Readonly<Record<string, Param<unknown> | StandardSchema<unknown>>>

/** What `build` gets for them. */
export type ParamValues<P extends ParamDeclarations> = {
  readonly [N in keyof P]: P[N] extends Param<infer T> ? T : P[N] extends StandardSchema<infer T> ? T : never
}

/** The parameters as the host knows them. MILLRACE_GRAPH for what is no parameter. */
export function paramSpecs(declarations: ParamDeclarations): readonly ParamSpec[] {
  return Object.keys(declarations).map((name) => {
    const declared = declarations[name]
    if (declared instanceof Param) return paramSpec(name, declared.options)
    if (isSchema(declared))
      return paramSpec(name, { type: 'string', optional: runSchema(name, declared, undefined).issues === undefined })
    throw new MillraceError('MILLRACE_GRAPH', `params.${name} is no parameter`, {
      hint: 'use p.string(), p.number(), p.duration()... or a Standard Schema (zod, valibot, arktype)',
    })
  })
}

/** Typed values of the texts given. MILLRACE_PARAM for what is unknown, missing or does not parse. */
export function paramValues<P extends ParamDeclarations>(
  declarations: P,
  given: Readonly<Record<string, string>>,
): ParamValues<P> {
  const names = Object.keys(declarations)
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw unknownParam(name, names)
  }
  const values = Object.create(null) as Record<string, unknown>
  for (const name of names) {
    const text = Object.hasOwn(given, name) ? given[name] : undefined
    const declared = declarations[name]!
    values[name] = declared instanceof Param ? paramValue(name, declared, text) : schemaValue(name, declared, text)
  }
  return values as ParamValues<P>
}

function paramValue(name: string, param: Param<unknown>, given: string | undefined): unknown {
  const { default: fallback, optional = false, secret = false, type } = param.options
  const text = given ?? fallback
  if (text === undefined || (optional && text === '')) {
    if (optional) return undefined
    throw missingParam(name, type)
  }
  const result = param.parse(text)
  if ('value' in result) return result.value
  const shown = secret ? '' : `: ${JSON.stringify(text)}`
  throw new MillraceError('MILLRACE_PARAM', `parameter ${name} does not parse${shown}`, {
    hint: `expected ${result.form}`,
  })
}

/** An optional schema says itself what stands for nothing given (`.default(...)`); the empty text is nothing given. */
function schemaValue(name: string, schema: StandardSchema<unknown>, given: string | undefined): unknown {
  const absent = runSchema(name, schema, undefined)
  const text = given === '' && absent.issues === undefined ? undefined : given
  if (text === undefined && absent.issues !== undefined) throw missingParam(name, 'string')
  const result = text === undefined ? absent : runSchema(name, schema, text)
  if (result.issues === undefined) return result.value
  throw new MillraceError('MILLRACE_PARAM', `parameter ${name} does not parse: ${describeIssues(result.issues)}`)
}

function runSchema(name: string, schema: StandardSchema<unknown>, value: unknown): SchemaResult<unknown> {
  const result = schema['~standard'].validate(value)
  if (!('then' in result)) return result
  result.then(undefined, () => undefined)
  throw new MillraceError('MILLRACE_PARAM', `the schema of parameter ${name} validates asynchronously`, {
    hint: 'use a synchronous schema: parameters are read without waiting',
  })
}

function isSchema(value: unknown): value is StandardSchema<unknown> {
  const standard = (value as StandardSchema<unknown> | null | undefined)?.['~standard']
  return typeof standard?.validate === 'function'
}

function missingParam(name: string, type: string): MillraceError {
  return new MillraceError('MILLRACE_PARAM', `parameter ${name} (${type}) is missing`, {
    hint: `give it: --param ${name}=...`,
  })
}

function unknownParam(name: string, known: readonly string[]): MillraceError {
  const near = nearest(name, known)
  const suggestion = near === undefined ? '' : `; did you mean ${near}?`
  return new MillraceError('MILLRACE_PARAM', `unknown parameter ${JSON.stringify(name)}${suggestion}`, {
    hint: known.length === 0 ? 'this job has no parameters' : `known parameters: ${known.join(', ')}`,
  })
}

/** The name fewest edits away, if a third of its letters or less must change; case counts for nothing. */
function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = Infinity
  for (const candidate of known) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (edits < fewest && edits <= Math.max(1, Math.floor(candidate.length / 3))) {
      best = candidate
      fewest = edits
    }
  }
  return best
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
