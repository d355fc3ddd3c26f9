import { MillraceError } from '../../runtime/contract/errors.js'

/**
 * What every Standard Schema validator (zod, valibot, arktype, ...) offers: the part of https://standardschema.dev that is
 * used here. Validation must be synchronous: records are decoded one after the other, without waiting.
 */
export interface StandardSchema<Output> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
  }
}

/** A validated value, or what is wrong with it. */
export type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] }

/** One thing that is wrong; `path` leads to it. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Validates synchronously. A schema that answers with a promise is MILLRACE_PROMISE. */
export function validate<T>(schema: StandardSchema<T>, value: unknown): SchemaResult<T> {
  const result = schema['~standard'].validate(value)
  if (!('then' in result)) return result
  result.then(undefined, () => undefined)
  throw new MillraceError(
    'MILLRACE_PROMISE',
    `the ${schema['~standard'].vendor} schema of a decoder validates asynchronously`,
    {
      hint: 'decode with a synchronous schema and do the asynchronous check in an operator behind it',
    },
  )
}

/** The first issue as one short line: `dynamodb.Keys.0: Invalid input`. */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  const first = issues[0]
  if (first === undefined) return 'schema: refused'
  const path = (first.path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
  return path === '' ? `schema: ${first.message}` : `schema: ${path}: ${first.message}`
}
