import type { Locator } from '../../api/locator.js'
import { choiceOption, refuseLocator } from '../locator-options.js'
import type { PayloadOptions } from './payload.js'

/** The name or ARN that a locator `scheme://NAME-or-ARN` is about; MILLRACE_PARAM if there is none. `what` is for the hint. */
export function resourceOf(locator: Locator, what: string): string {
  const resource = locator.path.replace(/^\/\//, '')
  if (resource === '') {
    refuseLocator(locator, `names no ${what}`, `write ${locator.scheme}://NAME, with the ${what}'s name or ARN`)
  }
  return resource
}

/** The option as a truth value; undefined if it is not given. */
export function booleanOption(locator: Locator, name: string): boolean | undefined {
  const given = choiceOption(locator, name, ['true', 'false'])
  return given === undefined ? undefined : given === 'true'
}

/** `recordIdField=recordId`: where a stable id goes in each payload. */
export function recordIdOption<T>(locator: Locator): Pick<PayloadOptions<T>, 'recordId'> {
  const field = locator.query['recordIdField']
  return field === undefined ? {} : { recordId: { field } }
}

/**
 * Reads a field of records, `turbine.id`: of objects, or of JSON text. The empty string where there is none, or it holds neither a text
 * nor a number.
 */
export function fieldReader(path: string): (value: unknown) => string {
  const names = path.split('.')
  return (value) => {
    let found = typeof value === 'string' || value instanceof Uint8Array ? parsed(value) : value
    for (const name of names) {
      if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return ''
      found = (found as Record<string, unknown>)[name]
    }
    return typeof found === 'string' ? found : typeof found === 'number' || typeof found === 'bigint' ? `${found}` : ''
  }
}

function parsed(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof text === 'string' ? text : Buffer.from(text).toString())
  } catch {
    return undefined
  }
}
