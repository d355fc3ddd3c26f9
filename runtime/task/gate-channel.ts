import type { Key } from '../contract/key.js'
import type { ChannelReader } from '../exchange/channel.js'

/** One channel into a subtask: which input it feeds and, on hash edges, the key of a record. */
export interface GateChannel {
  readonly reader: ChannelReader
  readonly input: 0 | 1
  readonly keyOf: ((value: unknown) => Key) | undefined
  /** What a checkpoint calls it; absent: no barrier overtakes its records. */
  readonly place?: ChannelPlace
}

/** A channel by the number of its edge among those that may be overtaken, and its sender. */
export interface ChannelPlace {
  readonly edge: number
  readonly sender: number
}
