// How a running benchmark tells its runner what happened: threads of one process hear each other on a channel with a name.
import { BroadcastChannel } from 'node:worker_threads'
import type { Checksum } from '../streams/checksum.js'

/** A moment: the process's monotonic clock, and the CPU time that all its threads have used. */
export interface Moment {
  readonly ms: number
  readonly cpuMs: number
}

/** From a slot to the runner. */
export type ProbeMessage =
  /** A source has been given its share and makes its first record. */
  | { readonly kind: 'started'; readonly at: Moment }
  /** A source has reached half of the records. */
  | { readonly kind: 'half'; readonly at: Moment }
  /** A source is about to fail, at this record. */
  | { readonly kind: 'failing'; readonly index: number; readonly at: Moment }
  /** After the failure a sink got its first record. */
  | { readonly kind: 'output'; readonly at: Moment }
  /** After the failure the record it struck at was read again. */
  | { readonly kind: 'passed'; readonly at: Moment }
  /** A sink's writer is closed; `at` is when it had all it would get. */
  | {
      readonly kind: 'result'
      readonly attempt: number
      readonly subtask: number
      readonly checksum: Checksum
      readonly at: Moment
    }
  /** From the runner to the slots: a checkpoint is complete. */
  | { readonly kind: 'checkpointed' }

/** What the runner asks of the slots. In the environment, which a thread gets a copy of when it starts. */
export interface ProbeOrders {
  /** The channel's name; without one nothing is told. */
  readonly channel?: string
  /** Fail once, as soon as a checkpoint taken at or beyond this record has completed. */
  readonly failAfter?: number
  readonly failBy?: 'throw' | 'exit'
  /** It has failed, at this record. */
  readonly failedAt?: number
  /** A folder for CPU profiles of the second half. */
  readonly profile?: string
}

const VARIABLE = 'MILLRACE_BENCH'

/** For threads started from now on. */
export function giveOrders(orders: ProbeOrders): void {
  process.env[VARIABLE] = JSON.stringify(orders)
}

/** What this thread was told. */
export function readOrders(): ProbeOrders {
  return JSON.parse(process.env[VARIABLE] ?? '{}') as ProbeOrders
}

/** The time. */
export function moment(): Moment {
  const { user, system } = process.cpuUsage()
  return { ms: Number(process.hrtime.bigint()) / 1e6, cpuMs: (user + system) / 1000 }
}

/** This thread's end of the channel; it keeps nothing alive. */
export function openProbe(name: string, hear?: (message: ProbeMessage) => void): BroadcastChannel {
  const channel = new BroadcastChannel(name)
  if (hear !== undefined) channel.onmessage = (event) => hear((event as { data: ProbeMessage }).data)
  channel.unref()
  return channel
}
