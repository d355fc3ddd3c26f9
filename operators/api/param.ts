import { MillraceError } from '../../runtime/contract/errors.js'
import type { GroupTemplate, ParamSpec } from '../../runtime/contract/graph.js'

/** A parameter's text is not what it should be; `form` says what it should be: `a duration such as 5s`. */
export interface Unparsable {
  readonly form: string
}

/** What a parameter is, apart from its name. */
export interface ParamOptions {
  /** For `--help`: `number`, `duration`. */
  readonly type: string
  /** As it would be given; absent: required, unless `optional`. */
  readonly default?: string
  readonly description?: string
  readonly secret?: boolean
  readonly optional?: boolean
  readonly fromGroup?: GroupTemplate
}

/** A job parameter of type T, made by {@link p}. It does not change: its methods return another one. */
export class Param<T> {
  readonly options: ParamOptions
  /** The typed value of a text. Pure. */
  readonly parse: (text: string) => { readonly value: T } | Unparsable

  constructor(options: ParamOptions, parse: (text: string) => { readonly value: T } | Unparsable) {
    this.options = options
    this.parse = parse
  }

  /** The same with a line for `--help`. */
  describe(description: string): Param<T> {
    return new Param({ ...this.options, description }, this.parse)
  }

  /** The same, its value never printed or checkpointed. */
  secret(): Param<T> {
    return new Param({ ...this.options, secret: true }, this.parse)
  }

  /**
   * The same; if it is not given itself, made of a property group of the config file: `{key}` in the template stands for the property of
   * that name. `p.source().fromGroup('WindTurbineEnvironment', 'kinesis://{inputStreamName}?region={region}')`. MILLRACE_GRAPH for a
   * template without a key.
   */
  fromGroup(group: string, template: string): Param<T> {
    if (group === '' || !/\{[^{}]+\}/.test(template)) {
      throw new MillraceError('MILLRACE_GRAPH', `the template ${JSON.stringify(template)} names no property`, {
        hint: "fromGroup('Environment', 'kinesis://{inputStreamName}?region={region}')",
      })
    }
    return new Param({ ...this.options, fromGroup: { group, template } }, this.parse)
  }

  /** The same, `undefined` when it is not given or given as an empty text. */
  optional(): Param<T | undefined> {
    return new Param<T | undefined>({ ...this.options, optional: true }, this.parse)
  }
}

/** What the host knows of a parameter. An optional one has the empty text as its default. */
export function paramSpec(name: string, options: ParamOptions): ParamSpec {
  const fallback = options.default ?? (options.optional === true ? '' : undefined)
  return {
    name,
    type: options.type,
    ...(fallback !== undefined ? { default: fallback } : {}),
    ...(options.description !== undefined ? { description: options.description } : {}),
    ...(options.secret === true ? { secret: true } : {}),
    ...(options.fromGroup !== undefined ? { fromGroup: options.fromGroup } : {}),
  }
}
