import type {
  CheckpointDraft,
  OperatorRecord,
  PlanRecord,
  SegmentRef,
  SinkRecord,
  SourceRecord,
  SplitRecord,
} from '../checkpoint/manifest.js'
import type { JsonValue } from '../contract/json.js'
import type { OperatorSnapshot } from '../worker/protocol.js'
import { operatorStateRecords } from './operator-state-plan.js'

/** Counters by operator uid and name, over all subtasks. */
export type CounterTotals = Readonly<Record<string, Readonly<Record<string, number>>>>

/** All that a manifest is made of. */
export interface DraftParts {
  /** Random. */
  readonly nonce: string
  readonly jobName: string
  readonly runId: string
  readonly runStartedAtMs: number
  readonly checkpointId: number
  readonly createdAtMs: number
  readonly parallelism: number
  readonly maxParallelism: number
  readonly final: boolean
  readonly suspended: boolean
  readonly planHash: string
  readonly params: Readonly<Record<string, string>>
  /** By slot, the snapshots of its operators. */
  readonly slots: readonly (readonly OperatorSnapshot[])[]
  readonly kinds: Readonly<Record<string, string>>
  readonly enumerators: Readonly<Record<string, JsonValue>>
  readonly fingerprints: Readonly<Record<string, JsonValue>>
  /** Where each sink writes. */
  readonly outputs: Readonly<Record<string, string>>
  /** Of each operator before this checkpoint, oldest first. */
  readonly segments: Readonly<Record<string, readonly SegmentRef[]>>
  /** Not yet acknowledged ones of earlier checkpoints. */
  readonly committables: Readonly<Record<string, readonly JsonValue[]>>
  readonly counterBase: CounterTotals
}

/** Puts the acknowledgements of all subtasks together. Pure. */
export function draftCheckpoint(parts: DraftParts): CheckpointDraft {
  const uids = [...new Set(parts.slots.flatMap((slot) => slot.map((o) => o.uid)))]
  const of = (uid: string): OperatorSnapshot[] => parts.slots.map((slot) => slot.find((o) => o.uid === uid)!)
  const {
    slots: _slots,
    kinds,
    enumerators,
    fingerprints,
    outputs,
    segments,
    committables,
    counterBase,
    planHash,
    ...rest
  } = parts
  const plan: PlanRecord = {
    hash: planHash,
    operators: uids.map((uid) => ({ uid, kind: kinds[uid]!, states: of(uid)[0]!.schema })),
  }
  const byKind = (kind: string): string[] => uids.filter((uid) => kinds[uid] === kind)
  return {
    ...rest,
    plan,
    sources: fromUids(byKind('source'), (uid) => sourceRecord(of(uid), enumerators[uid]!, fingerprints[uid]!)),
    operators: fromUids(uids, (uid) => operatorRecord(of(uid), segments[uid] ?? [])),
    sinks: fromUids(byKind('sink'), (uid) => sinkRecord(of(uid), outputs[uid]!, committables[uid] ?? [])),
    counters: addCounters(counterBase, parts.slots.flat()),
  }
}

/** Totals of all subtasks on top of what earlier attempts and processes had counted. */
export function addCounters(
  base: CounterTotals,
  snapshots: readonly { readonly uid: string; readonly counters: Readonly<Record<string, number>> }[],
): Record<string, Record<string, number>> {
  const totals: Record<string, Record<string, number>> = {}
  for (const [uid, counters] of Object.entries(base)) totals[uid] = { ...counters }
  for (const { uid, counters } of snapshots) {
    const total = (totals[uid] ??= {})
    for (const [name, count] of Object.entries(counters)) total[name] = (total[name] ?? 0) + count
  }
  return totals
}

function fromUids<T>(uids: readonly string[], make: (uid: string) => T): Record<string, T> {
  return Object.fromEntries(uids.map((uid) => [uid, make(uid)]))
}

function finishedSubtasks(subtasks: readonly OperatorSnapshot[]): number[] {
  return subtasks.flatMap((o, subtask) => (o.finished ? [subtask] : []))
}

function sourceRecord(
  subtasks: readonly OperatorSnapshot[],
  enumerator: JsonValue,
  fingerprint: JsonValue,
): SourceRecord {
  const splits = subtasks.flatMap((o) =>
    (o.splits ?? []).map((s): SplitRecord => ({ splitId: s.id, split: s.split, watermark: s.watermark })),
  )
  return { enumerator, fingerprint, splits, finishedSubtasks: finishedSubtasks(subtasks) }
}

function operatorRecord(subtasks: readonly OperatorSnapshot[], before: readonly SegmentRef[]): OperatorRecord {
  const firstTimers = subtasks.flatMap((o) => (o.firstTimers === undefined ? [] : [o.firstTimers]))
  return {
    watermarks: subtasks.map((o) => o.watermark),
    finishedSubtasks: finishedSubtasks(subtasks),
    operatorState: operatorStateRecords(subtasks),
    segments: [...before, ...subtasks.flatMap((o) => o.segments)],
    ...(firstTimers.length === 0
      ? {}
      : { firstTimers: firstTimers.map(([event, processing]) => [orNull(event), orNull(processing)] as const) }),
  }
}

/** JSON has no infinity. */
function orNull(time: number): number | null {
  return time === Infinity ? null : time
}

function sinkRecord(subtasks: readonly OperatorSnapshot[], output: string, before: readonly JsonValue[]): SinkRecord {
  return {
    output,
    writerStates: subtasks.flatMap((o) => o.writerStates ?? []),
    committables: [...before, ...subtasks.flatMap((o) => o.committables ?? [])],
  }
}
