import { isBlank, parseBeacon } from './beacon.js'
import { parseCombined } from './combined-log.js'
import type { LineDecoder } from './decode-lines.js'
import type { Visit } from './impression.js'
import { isPageImpression } from './page-impression.js'

/** The input formats, by the name that the parameter `format` gives them. */
export const VISIT_FORMATS = ['combined', 'beacons'] as const

/** One of {@link VISIT_FORMATS}. */
export type VisitFormat = (typeof VISIT_FORMATS)[number]

/** Decodes lines of a format. */
export function visit(format: VisitFormat): LineDecoder<Visit> {
  return format === 'combined' ? loggedVisit : beaconVisit
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
const beaconVisit: LineDecoder<Visit> = (line, out) => {
  if (isBlank(line)) return
  const beacon = parseBeacon(line)
  if ('reason' in beacon) {
    out.invalid(beacon.reason)
    return
  }
  const { session, time, userAgent, type, pageImpression } = beacon
  out.emit({ visitor: session, time, userAgent, page: type === 'event' ? undefined : pageImpression, line })
}
