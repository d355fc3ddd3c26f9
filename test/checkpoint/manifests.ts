import type { CheckpointDraft, ProcessIdentity, SegmentRef } from '../../runtime/checkpoint/manifest.js'
import { segmentPath } from '../../runtime/checkpoint/segment-path.js'

/** A process to sign records with. */
export function identity(pid: number): ProcessIdentity {
  return { host: 'here', bootId: 'boot', pid, startTicks: pid * 10 }
}

/** A small checkpoint; `fields` replaces what a test cares for. */
export function draft(fields: Partial<CheckpointDraft> = {}): CheckpointDraft {
  return {
    nonce: 'nonce',
    jobName: 'job',
    runId: 'run',
    checkpointId: 1,
    createdAtMs: 1_700_000_000_000,
    parallelism: 2,
    maxParallelism: 128,
    final: false,
    suspended: false,
    plan: { hash: 'hash', operators: [{ uid: 'averages', kind: 'window', states: [] }] },
    params: {},
    sources: {},
    operators: {},
    sinks: {},
    counters: {},
    ...fields,
  }
}

/** A reference to a segment of this epoch and checkpoint. */
export function segmentRef(epoch: number, checkpointId: number, part: number = 0): SegmentRef {
  const path = segmentPath({ epoch, checkpointId, uid: 'averages', subtask: 0, run: 's', part })
  const place = { path, epoch, checkpointId, uid: 'averages', subtask: 0, run: 's' }
  return { ...place, firstKeyGroup: 0, lastKeyGroup: 127, rows: 1, bytes: 4, crc: 0 }
}

/** The operators part of a draft that refers to these segments. */
export function withSegments(segments: readonly SegmentRef[]): Partial<CheckpointDraft> {
  return { operators: { averages: { watermarks: [0, 0], finishedSubtasks: [], segments } } }
}

/** The operators part of a draft whose operator state stands partly in the manifest, and partly in a file of two bytes. */
export function withOperatorState(path: string): Partial<CheckpointDraft> {
  const about = { mode: 'split', fingerprint: 'v1', codec: 'millrace-value', version: 1 } as const
  const parts = [
    { subtask: 0, elements: 1, bytes: 1, crc: 0, content: 'AA==' },
    { subtask: 1, elements: 2, bytes: 2, crc: 0, path },
  ]
  const operatorState = { list: { ...about, parts } }
  return { operators: { averages: { watermarks: [0, 0], finishedSubtasks: [], segments: [], operatorState } } }
}
