import { beaconOf, isBlank, NOT_JSON, parseJson } from './beacon.js'
import { parseCombined } from './combined-log.js'
import type { LineDecoder } from './decode-lines.js'
import type { Visit } from './impression.js'
import { isPageImpression } from './page-impression.js'
import { tracked } from './tracked-beacon.js'

/** The input formats, by the name that the parameter `format` gives them. */
export const VISIT_FORMATS = ['combined', 'beacons'] as const

/** One of {@link VISIT_FORMATS}. */
export type VisitFormat = (typeof VISIT_FORMATS)[number]

/** Decodes lines of a format. `track`: beacons with all they say, for rows of page impressions. */
export function visit(format: VisitFormat, { track }: { track: boolean }): LineDecoder<Visit> {
  return format === 'combined' ? loggedVisit : beaconVisit(track)
}

/** A web server's access log: each answered request for a page is a page impression of its own. */
const loggedVisit: LineDecoder<Visit> = (line, out) => {
  const request = parseCombined(line)
  if (request === undefined) {
    out.invalid('not the combined log format')
    return
  }
  const { ip, userAgent, time } = request
  out.emit({ visitor: `${ip}|${userAgent}`, time, userAgent, page: isPageImpression(request) ? '' : undefined, line })
}

/** Beacons, see `docs/beacons.md`: navigation and load tell of a page impression, events of what happened on it. */
function beaconVisit(track: boolean): LineDecoder<Visit> {
  return (line, out, position) => {
    if (isBlank(line)) return
    const value = parseJson(line)
    const beacon = value === undefined ? NOT_JSON : beaconOf(value)
    if ('reason' in beacon) {
      out.invalid(beacon.reason)
      return
    }
    const { session, time, userAgent, type, pageImpression } = beacon
    const page = type === 'event' ? undefined : pageImpression
    const said = track ? tracked(value, beacon, position) : undefined
    if (said !== undefined && 'reason' in said) out.invalid(said.reason)
    else out.emit({ visitor: session, time, userAgent, page, line, ...(said === undefined ? {} : { beacon: said }) })
  }
}
