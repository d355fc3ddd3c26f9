const FOLDER = 'manifests/'
const NAME = /^manifests\/(\d{12,})\.json$/

/** Where log entries live. */
export const LOG_PREFIX: string = FOLDER

/** The file of a position; names sort as positions do. */
export function logPath(position: number): string {
  return `${FOLDER}${String(position).padStart(12, '0')}.json`
}

/** The inverse of {@link logPath}; undefined for any other file. */
export function positionOf(path: string): number | undefined {
  const found = NAME.exec(path)
  return found === null ? undefined : Number(found[1])
}
