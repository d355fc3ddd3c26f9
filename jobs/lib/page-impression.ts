import assetEndings from '../data/asset-endings.json' with { type: 'json' }
import type { LoggedRequest } from './combined-log.js'

/** Whether a request showed a page to somebody: a GET that was answered, and not of a page's picture, style or script. */
export function isPageImpression({ request, status }: LoggedRequest): boolean {
  if (!request.startsWith('GET ') || (status !== 200 && status !== 304)) return false
  const path = pathOf(request)
  return !assetEndings.some((ending) => path.endsWith(ending))
}

/** The path that was asked for, without query and fragment, in lower case: `GET /A.html?b HTTP/1.1` -> `/a.html`. */
function pathOf(request: string): string {
  const from = request.indexOf(' ') + 1
  const protocol = request.lastIndexOf(' HTTP/')
  const target = request.slice(from, protocol < from ? request.length : protocol)
  const end = target.search(/[?#]/)
  return (end < 0 ? target : target.slice(0, end)).toLowerCase()
}
