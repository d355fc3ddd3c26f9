/*
 * What was in flight at a checkpoint, for one subtask of a restored job. At the same parallelism each subtask has its own again, as it was.
 * At another one records go where they would go now: of hash edges by their key group, so all records of a key are in one subtask's
 * files and keep their order; of others a file's go to one subtask. Watermarks and statuses then say nothing any more. Nor do they where
 * splits may be read by other subtasks than before.
 */
import type { ChannelsRef } from '../checkpoint/manifest.js'
import { corrupt } from '../checkpoint/manifest-codec.js'
import { keyGroupRange } from '../codec/key-group.js'
import type { EdgeName } from '../contract/edge-name.js'
import { RecordBatch } from '../exchange/record-batch.js'
import type { FrameStore, StoredFrame } from '../exchange/stored-frame.js'
import { sameEdge } from '../plan/overtaking.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { decodeInFlight, type InFlight } from './channel-file.js'
import type { ChannelPlace } from './gate-channel.js'
import { plainKeyGroup } from './partial-record.js'
import type { TakenElement } from './read-ahead.js'

/** Edges that may be overtaken, by their number, and whether a source sends. */
export interface RestoredEdge {
  readonly name: EdgeName
  readonly fromSource: boolean
}

/** The subtask that goes on. */
export interface RestoreTarget {
  readonly subtask: number
  readonly parallelism: number
  readonly maxParallelism: number
  readonly edges: readonly RestoredEdge[]
  /** The gate's channel of that place. */
  readonly channelAt: (place: ChannelPlace) => number
  readonly frames: FrameStore
  /** Records a batch may hold at most. */
  readonly maxRecords: number
}

/** Reads the files; MILLRACE_CORRUPT for one that is missing or damaged. Slot thread. */
export async function restoreInFlight(
  storage: CheckpointStorage,
  files: readonly ChannelsRef[],
  target: RestoreTarget,
): Promise<TakenElement[]> {
  const restored: TakenElement[] = []
  for (const file of files) {
    const bytes = await storage.readIfExists(file.path)
    if (bytes === undefined || bytes.length !== file.bytes) throw corrupt(`${storage.describe()}/${file.path}`)
    const path = `${storage.describe()}/${file.path}`
    for (const one of decodeInFlight(bytes, { path, crc: file.crc })) {
      const edge = target.edges.findIndex(({ name }) => sameEdge(name, file.edges[one.edge]!))
      // What the job no longer has, its user has allowed to be dropped.
      if (edge < 0) continue
      const taken =
        file.parallelism === target.parallelism ? asItWas(one, edge, target) : moved(one, edge, file, target)
      if (taken !== undefined) restored.push(taken)
    }
  }
  return [...restored, ...backFromIdleness(restored)]
}

function asItWas({ sender, element }: InFlight, edge: number, target: RestoreTarget): TakenElement | undefined {
  // The end comes again.
  if (element.kind === 'end') return undefined
  if (element.kind !== 'frame' && target.edges[edge]!.fromSource && target.parallelism > 1) return undefined
  return { channel: target.channelAt({ edge, sender }), element }
}

function moved(
  { sender, element }: InFlight,
  edge: number,
  file: ChannelsRef,
  target: RestoreTarget,
): TakenElement | undefined {
  const { subtask, parallelism } = target
  if (element.kind !== 'frame') return undefined
  const channel = target.channelAt({ edge, sender: sender % parallelism })
  if (target.edges[edge]!.name.partitioning === 'rebalance') {
    return file.subtask % parallelism === subtask ? { channel, element } : undefined
  }
  const own = ownRecords(element, target)
  return own === undefined ? undefined : { channel, element: own }
}

/** The records whose key groups are the subtask's now. */
function ownRecords(frame: StoredFrame, target: RestoreTarget): StoredFrame | undefined {
  const { subtask, maxParallelism, parallelism, frames, maxRecords } = target
  const range = keyGroupRange(subtask, maxParallelism, parallelism)
  const all = new RecordBatch(maxRecords, true)
  frames.load(frame, all)
  const own = new RecordBatch(maxRecords, true)
  for (let i = 0; i < all.length; i++) {
    const group = all.keyGroups![i]!
    const plain = plainKeyGroup(group)
    if (plain >= range.first && plain <= range.last) own.append(all.values[i], all.timestamps[i]!, group)
  }
  return own.length === 0 ? undefined : frames.store(own)
}

/** Channels that were left idle: their senders do not know it any more. */
function backFromIdleness(restored: readonly TakenElement[]): TakenElement[] {
  const idle = new Set<number>()
  for (const { channel, element } of restored) {
    if (element.kind === 'idle') idle.add(channel)
    if (element.kind === 'active') idle.delete(channel)
  }
  return [...idle].map((channel) => ({ channel, element: { kind: 'active' } }))
}
