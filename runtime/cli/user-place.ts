import { fileURLToPath } from 'node:url'

/**
 * The first place of an error's stack that lies in one of the job's own files, as `file:line:column`; undefined if there is none.
 * Source maps must have been on when the job was loaded.
 */
export function userPlace(error: unknown, sources: ReadonlySet<string>): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  for (const line of stack.split('\n')) {
    const place = /(?:\(|at (?:async )?)((?:file:\/\/)?\/?[^()]+?)(:\d+:\d+)\)?$/.exec(line)
    if (place === null) continue
    const path = pathOf(place[1]!)
    if (path !== undefined && sources.has(path)) return path + place[2]!
  }
  return undefined
}

function pathOf(place: string): string | undefined {
  if (!place.startsWith('file:')) return place
  try {
    return fileURLToPath(place)
  } catch {
    return undefined
  }
}
