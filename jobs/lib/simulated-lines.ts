import { MillraceError, type GeneratorFactory } from 'millrace'
import { datagenLines } from 'millrace/connectors/datagen'

/** A stand-in for a job's real input. */
export interface SimulatedLines {
  readonly name: string
  /** How many lines there are. */
  readonly values: number
  /** Lines a second. */
  readonly ratePerSecond: number
  /** The line of an index: a pure function. */
  readonly line: (index: number) => string
}

/** A generator for `streamFrom` that has no options: the same lines every time. */
export function simulatedLines({ name, values, ratePerSecond, line }: SimulatedLines): GeneratorFactory {
  return ({ text, query }) => {
    if (Object.keys(query).length === 0) return datagenLines({ name, count: values, ratePerSecond, line })
    throw new MillraceError('MILLRACE_PARAM', `${text}: takes no options behind a ?`, { hint: `give datagen:${name}` })
  }
}
