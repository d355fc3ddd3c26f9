import { createHash } from 'node:crypto'

/** Where segments live. */
export const SEGMENT_PREFIX = 'segments/'

/** What makes a segment's name unique. */
export interface SegmentName {
  readonly epoch: number
  readonly checkpointId: number
  readonly uid: string
  readonly subtask: number
  /** Short and unique in the epoch, checkpoint, uid and subtask: letters, digits and `.`. */
  readonly run: string
  /** Numbers the segments of a run, from 0. */
  readonly part: number
}

/**
 * `segments/e3-c12-averages-1a2b3c4d5e6f-2-s1-0.seg`: readable, and unique also where file names ignore case or a uid is long or odd.
 * The epoch comes first: retention reads it.
 */
export function segmentPath(name: SegmentName): string {
  return `${pathOf(name)}.seg`
}

/** As a segment's, of a file of records in flight: `run` and `part` number a subtask's. */
export function channelsPath(name: SegmentName): string {
  return `${pathOf(name)}.channels`
}

function pathOf(name: SegmentName): string {
  const readable = name.uid.replace(/[^A-Za-z0-9_]+/g, '_').slice(0, 60)
  const exact = createHash('sha256').update(name.uid, 'utf16le').digest('hex').slice(0, 12)
  const { epoch, checkpointId, subtask, run, part } = name
  return `${SEGMENT_PREFIX}e${epoch}-c${checkpointId}-${readable}-${exact}-${subtask}-${run}-${part}`
}

/** The epoch in the path of a segment or of records in flight; undefined for any other file. */
export function segmentEpoch(path: string): number | undefined {
  const found = /^segments\/e(\d+)-/.exec(path)
  return found === null ? undefined : Number(found[1])
}
