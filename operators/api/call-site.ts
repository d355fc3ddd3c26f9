import { fileURLToPath } from 'node:url'

/** The folders of Millrace itself, which are never where a user wrote something. */
const OWN_FOLDERS: readonly string[] = ['..', '../../runtime'].map((folder) => {
  const path = fileURLToPath(new URL(folder, import.meta.url))
  return path.endsWith('/') || path.endsWith('\\') ? path : `${path}/`
})

/**
 * Where the user called the API. Made for each call while a graph is built; the stack is only turned into text (and through source
 * maps) when a place is asked for.
 */
export class CallSite {
  private readonly trace = new Error('call site')

  /** `file:line:column` in user code; undefined if the stack does not reach there. */
  get at(): string | undefined {
    for (const line of (this.trace.stack ?? '').split('\n').slice(1)) {
      const place = placeOf(line)
      if (place !== undefined && !isOwn(place)) return place
    }
    return undefined
  }
}

/** `    at build (file:///jobs/a.ts:3:5)` -> `/jobs/a.ts:3:5`. */
function placeOf(line: string): string | undefined {
  const raw = (/\((.+:\d+:\d+)\)$/.exec(line) ?? /^\s*at (?:async )?(.+:\d+:\d+)$/.exec(line))?.[1]
  if (raw === undefined) return undefined
  if (!raw.startsWith('file:')) return raw
  const [, url, position] = /^(.*?)(:\d+:\d+)$/.exec(raw) ?? []
  return url === undefined ? undefined : fileURLToPath(url) + position!
}

function isOwn(place: string): boolean {
  return place.startsWith('node:') || OWN_FOLDERS.some((folder) => place.startsWith(folder))
}
