import type { CheckpointManifest, OperatorRecord, SegmentRef } from '../checkpoint/manifest.js'
import { keyGroupRange } from '../codec/key-group.js'
import type { JsonValue } from '../contract/json.js'
import type { AssignedSplit, OperatorRestore, SlotRestore } from '../worker/protocol.js'
import { operatorStateRestores } from './operator-state-plan.js'

/**
 * What slot `slot` of `parallelism` starts from. Keyed state goes by key-group range, operator state by its mode, splits and
 * sink states round robin; watermarks take the
 * minimum when the parallelism changed (a restored job never goes back in event time). Pure.
 */
export function slotRestore(manifest: CheckpointManifest, slot: number, parallelism: number): SlotRestore {
  const operators: Record<string, OperatorRestore> = {}
  const states = new Map(manifest.plan.operators.map((o) => [o.uid, o.states]))
  const same = manifest.parallelism === parallelism
  const range = keyGroupRange(slot, manifest.maxParallelism, parallelism)
  for (const [uid, record] of Object.entries(manifest.operators)) {
    operators[uid] = {
      // Splits may move to another reader than before, which must not be ahead of them.
      watermark:
        same && manifest.sources[uid] === undefined ? record.watermarks[slot]! : Math.min(...record.watermarks),
      finished: isFinished(record.finishedSubtasks, manifest.parallelism, same ? slot : undefined),
      operatorState: operatorStateRestores(record.operatorState ?? {}, slot, parallelism, manifest.parallelism),
      segments: overlapping(record, range.first, range.last),
      firstTimers: firstTimers(record, same ? slot : undefined),
      schema: states.get(uid) ?? [],
      writerStates: deal(manifest.sinks[uid]?.writerStates ?? [], slot, parallelism),
    }
  }
  return { operators }
}

/** The splits of a source at the checkpoint, dealt out over `parallelism` readers; the subtask is the index. */
export function restoredSplits(manifest: CheckpointManifest, uid: string, parallelism: number): AssignedSplit[][] {
  const splits = manifest.sources[uid]?.splits ?? []
  const all = splits.map((s): AssignedSplit => ({ id: s.splitId, split: s.split, watermark: s.watermark }))
  return Array.from({ length: parallelism }, (_, subtask) => deal(all, subtask, parallelism))
}

function isFinished(finished: readonly number[], parallelism: number, subtask: number | undefined): boolean {
  return subtask === undefined ? finished.length === parallelism : finished.includes(subtask)
}

function overlapping(record: OperatorRecord, first: number, last: number): readonly SegmentRef[] {
  return record.segments.filter((segment) => segment.firstKeyGroup <= last && segment.lastKeyGroup >= first)
}

/** Of one subtask, or over all. A record without them says nothing. */
function firstTimers({ firstTimers }: OperatorRecord, subtask: number | undefined): [number, number] {
  if (firstTimers === undefined) return [-Infinity, -Infinity]
  const counted = subtask === undefined ? firstTimers : [firstTimers[subtask]!]
  return [
    Math.min(...counted.map(([event]) => event ?? Infinity)),
    Math.min(...counted.map(([, processing]) => processing ?? Infinity)),
  ]
}

function deal<T extends JsonValue | AssignedSplit>(items: readonly T[], subtask: number, parallelism: number): T[] {
  return items.filter((_, i) => i % parallelism === subtask)
}
