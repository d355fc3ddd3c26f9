import { createHash } from 'node:crypto'

/** Where segments live. */
export const SEGMENT_PREFIX = 'segments/'

/** What makes a segment's name unique. `sequence` numbers the segments of one (epoch, checkpoint, uid, subtask). */
export interface SegmentName {
  readonly epoch: number
  readonly checkpointId: number
  readonly uid: string
  readonly subtask: number
  /** `s` for a snapshot, `m` for a merge. */
  readonly kind: 's' | 'm'
  readonly sequence: number
}

/**
 * `segments/e3-c12-averages-1a2b3c4d5e6f-s0-s0.seg`: readable, and unique also where file names ignore case or a uid is long or odd.
 * The epoch comes first: retention reads it.
 */
export function segmentPath(name: SegmentName): string {
  const readable = name.uid.replace(/[^A-Za-z0-9_]+/g, '_').slice(0, 60)
  const exact = createHash('sha256').update(name.uid, 'utf16le').digest('hex').slice(0, 12)
  const { epoch, checkpointId, subtask, kind, sequence } = name
  return `${SEGMENT_PREFIX}e${epoch}-c${checkpointId}-${readable}-${exact}-${kind}${subtask}-${sequence}.seg`
}

/** The epoch in a segment's path; undefined for any other file. */
export function segmentEpoch(path: string): number | undefined {
  const found = /^segments\/e(\d+)-/.exec(path)
  return found === null ? undefined : Number(found[1])
}
