/** Millrace's own folders: as built (`dist/…`) and, where source maps are on, as written. Nothing in them is a user's. */
const OWN_FOLDERS: readonly string[] = ownFolders(decodeURIComponent(new URL('../../', import.meta.url).pathname))

function ownFolders(base: string): string[] {
  const bases = base.endsWith('/dist/') ? [base, base.slice(0, -'dist/'.length)] : [base]
  return bases.flatMap((root) => [`${root}operators/`, `${root}runtime/`])
}

/** The first frame of a stack that is neither Millrace's, Node's nor a package's, as `file:line:column`. */
export function userFrame(stack: string | undefined): string | undefined {
  for (const line of stack?.split('\n') ?? []) {
    const place = placeOf(line)
    if (place !== undefined && !isForeign(place)) return place
  }
  return undefined
}

/** `    at build (file:///jobs/a.ts:3:5)` -> `/jobs/a.ts:3:5`. */
function placeOf(line: string): string | undefined {
  const raw = (/^\s*at .*\((.+:\d+:\d+)\)$/.exec(line) ?? /^\s*at (?:async )?(.+:\d+:\d+)$/.exec(line))?.[1]
  return raw?.startsWith('file://') === true ? decodeURIComponent(raw.slice('file://'.length)) : raw
}

/** Whether a place, as {@link userFrame} gives them, is in Millrace's own code. */
export function isOwnPlace(place: string): boolean {
  const path = place.startsWith('file://') ? decodeURIComponent(place.slice('file://'.length)) : place
  return OWN_FOLDERS.some((folder) => path.startsWith(folder))
}

function isForeign(place: string): boolean {
  if (!place.includes('/') || place.startsWith('node:') || place.includes('/node_modules/')) return true
  return isOwnPlace(place)
}
