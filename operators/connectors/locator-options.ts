import { MillraceError } from '../../runtime/contract/errors.js'
import type { Locator } from '../api/locator.js'

/** MILLRACE_PARAM about a locator. */
export function refuseLocator(locator: Locator, what: string, hint: string): never {
  throw new MillraceError('MILLRACE_PARAM', `${locator.text}: ${what}`, { hint })
}

/** MILLRACE_PARAM for a scheme that is not there. */
export function refuseScheme(locator: Locator, known: readonly string[]): never {
  refuseLocator(
    locator,
    `unknown scheme ${locator.scheme}:`,
    `known schemes: ${known.map((scheme) => `${scheme}:`).join(', ')}`,
  )
}

/** MILLRACE_PARAM if the locator has an option that is not in `known`. */
export function requireKnownOptions(locator: Locator, known: readonly string[]): void {
  for (const name of Object.keys(locator.query)) {
    if (known.includes(name)) continue
    const hint = known.length === 0 ? `${locator.scheme}: takes no options here` : `known options: ${known.join(', ')}`
    refuseLocator(locator, `unknown option ${JSON.stringify(name)}`, hint)
  }
}

/** The option as one of `values`, undefined if it is not given; MILLRACE_PARAM if it is something else. */
export function choiceOption<V extends string>(locator: Locator, name: string, values: readonly V[]): V | undefined {
  const given = locator.query[name]
  if (given === undefined) return undefined
  const value = values.find((one) => one === given)
  return value ?? refuseLocator(locator, `${name}=${given} is not known`, `give one of: ${values.join(', ')}`)
}

/** The option as a positive number of bytes, with an optional unit: `65536`, `64KB`, `1GB` (powers of 1024). */
export function bytesOption(locator: Locator, name: string): number | undefined {
  const given = locator.query[name]
  if (given === undefined) return undefined
  const match = /^(\d+)(B|KB|MB|GB)?$/i.exec(given)
  const bytes = match === null ? NaN : Number(match[1]) * UNITS[(match[2] ?? 'B').toUpperCase()]!
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    refuseLocator(locator, `${name}=${given} is not a number of bytes`, 'give a positive number, such as 65536 or 64MB')
  }
  return bytes
}

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }
