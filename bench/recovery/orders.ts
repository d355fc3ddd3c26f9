// What a run tells its slots, and what they tell it. In the environment and on a channel with a name: a slot is a thread of another process
// or of this one.
import { BroadcastChannel } from 'node:worker_threads'

/** For all slots of a process. */
export interface RecoveryOrders {
  /** Where stages and logs are told; without one nothing is. */
  readonly channel?: string
  /** Go on with the last stage, whatever was read before. */
  readonly recovering: boolean
  /** A file that gets the moment of the first output of a recovering job, milliseconds of the machine's monotonic clock. */
  readonly output: string
}

/** On the channel. */
export type RecoveryMessage =
  /** A slot has begun a log of what it does, in shared memory. */
  | { readonly kind: 'log'; readonly words: SharedArrayBuffer }
  /** A split has been read to the end of the first stage, or of the change. */
  | { readonly kind: 'filled' | 'changed'; readonly atMs: number }
  /** To the slots: go on with the change; fail. */
  | { readonly kind: 'change' | 'fail' }
  /** The split that was to fail is about to, at this moment. */
  | { readonly kind: 'failing'; readonly atMs: number }

const VARIABLE = 'MILLRACE_BENCH_RECOVERY'

/** The variable that says it, for this process's threads or another process. */
export function environmentOf(orders: RecoveryOrders): Record<string, string> {
  return { [VARIABLE]: JSON.stringify(orders) }
}

/** What this thread was told. */
export function readOrders(): RecoveryOrders {
  return JSON.parse(process.env[VARIABLE] ?? '{"recovering":false,"output":""}') as RecoveryOrders
}

const sinceStart = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** The machine's monotonic clock, the same in every process, milliseconds. */
export function monotonicMs(): number {
  return sinceStart + performance.now()
}

/** This thread's end of the channel; it keeps nothing alive. */
export function openChannel(name: string, hear?: (message: RecoveryMessage) => void): BroadcastChannel {
  const channel = new BroadcastChannel(name)
  if (hear !== undefined) channel.onmessage = (event) => hear((event as { data: RecoveryMessage }).data)
  channel.unref()
  return channel
}
