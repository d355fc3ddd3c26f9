/**
 * Where a source reads or a sink writes, taken apart: `file:/data/in?split=64MB` has scheme `file`, path `/data/in` and query
 * `{ split: '64MB' }`. What a path means is the scheme's own business.
 */
export interface Locator {
  readonly scheme: string
  /** As written; not decoded. */
  readonly path: string
  /** Percent-decoded, without a prototype. */
  readonly query: Readonly<Record<string, string>>
  /** The whole locator as it was given. */
  readonly text: string
}

/** What a locator looks like, for messages. */
export const LOCATOR_FORM = 'scheme:path, such as file:/data/in'

/** A comma ends a locator only where the next one's scheme follows: file names may have commas. */
const BETWEEN_LOCATORS = /,(?=[a-z][a-z0-9+-]+:)/i
const PLACE = /^([a-z][a-z0-9+-]+)(?::(.*))?$/is
/** Only `?name=value&...` is a query: the `?` of a glob stays in the path. */
const QUERY = /\?([\w.-]+=[^?&]*(?:&[\w.-]+=[^?&]*)*)$/

/** One locator; undefined if it is none. A scheme may stand alone: `console`. */
export function parseLocator(text: string): Locator | undefined {
  const place = PLACE.exec(text.trim())
  if (place === null) return undefined
  const rest = place[2] ?? ''
  const queryText = QUERY.exec(rest)?.[1]
  const query = queryText === undefined ? (Object.create(null) as Record<string, string>) : parseQuery(queryText)
  if (query === undefined) return undefined
  const path = queryText === undefined ? rest : rest.slice(0, -queryText.length - 1)
  return { scheme: place[1]!.toLowerCase(), path, query, text: text.trim() }
}

/** A list `file:A,file:B` of one or more locators; undefined if one of them is none. */
export function parseLocators(text: string): readonly Locator[] | undefined {
  const locators: Locator[] = []
  for (const part of text.split(BETWEEN_LOCATORS)) {
    const locator = parseLocator(part)
    if (locator === undefined) return undefined
    locators.push(locator)
  }
  return locators
}

function parseQuery(text: string): Record<string, string> | undefined {
  const query = Object.create(null) as Record<string, string>
  for (const pair of text.split('&')) {
    const cut = pair.indexOf('=')
    const name = pair.slice(0, cut)
    if (name in query) return undefined
    try {
      query[name] = decodeURIComponent(pair.slice(cut + 1))
    } catch {
      return undefined
    }
  }
  return query
}
