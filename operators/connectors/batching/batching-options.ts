import type { AwsResource } from '../../../runtime/aws/aws-errors.js'

/** How much goes into a request, and how much waits for one. */
export interface BatchLimits {
  /** Entries a request. */
  readonly maxEntries: number
  /** Bytes a request, as `sizeOf` counts them. */
  readonly maxRequestBytes: number
  /** Bytes an entry, as `sizeOf` counts them; a larger one is rejected. Default: `maxRequestBytes`. */
  readonly maxEntryBytes?: number
  /** Requests under way at once, of one subtask. Default 8. */
  readonly maxInFlight?: number
  /** Entries taken and not delivered, of one subtask; with more, the writer is busy (backpressure). Default 10,000. */
  readonly maxBufferedEntries?: number
  /** The same in bytes. Default 32 MiB. */
  readonly maxBufferedBytes?: number
  /** How long an entry waits for others to share its request, at most. 0: not at all. Default 100. */
  readonly lingerMs?: number
}

/** The bounds that a job may set on every batching sink; the service sets the others. */
export interface BatchingTuning {
  /** Requests under way at once, of one subtask. Default 8. */
  readonly maxInFlight?: number
  /** Records taken and not delivered, of one subtask; with more, the sink is busy (backpressure). Default 10,000. */
  readonly maxBufferedEntries?: number
  /** The same in bytes. Default 32 MiB. */
  readonly maxBufferedBytes?: number
  /** How long a record waits for others to share its request, at most. Default 100. */
  readonly lingerMs?: number
  /** A record that the service has not taken for so long fails the job. Default 10 minutes. */
  readonly giveUpMs?: number
}

/** What became of one entry of a request. */
export type SendOutcome<Entry> =
  | { readonly kind: 'delivered' }
  /**
   * Not taken, to be sent again after a wait: `entry` takes its place, if given. `throttled` (default true) also lowers the rate;
   * `failed: false`: the service took its part, only a rest is left, so that it does not count as a failure.
   */
  | {
      readonly kind: 'retry'
      readonly reason: string
      readonly entry?: Entry
      readonly throttled?: boolean
      readonly failed?: boolean
    }
  /** Will never be taken: goes to the sink's `rejected` output. */
  | { readonly kind: 'refused'; readonly reason: string }

/** The entry is in its place. */
export const DELIVERED: SendOutcome<never> = { kind: 'delivered' }

/** What `encode` makes of a value that can't be written. */
export class Refusal {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** What a {@link BatchingWriter} needs to know of a service. */
export interface BatchingOptions<In, Entry> {
  /** What messages are about: the stream, table or topic. */
  readonly about: AwsResource
  readonly limits: BatchLimits
  /** Makes an entry of a value, or refuses it: `new Refusal(reason)`. An error thrown fails the job. */
  encode(value: In, timestamp: number): Entry | Refusal
  /** Bytes of the entry, as the service counts them in its limits. */
  sizeOf(entry: Entry): number
  /**
   * Entries of one key are delivered in the order they were written: never is more than one of them under way or waiting for a retry, so
   * no request has two of a key either.
   */
  orderKey?(entry: Entry): string
  /** With `orderKey`: of several entries of a key that wait, only the last is sent. Default false: all are. */
  readonly lastWins?: boolean
  /**
   * Sends a request: an outcome for each entry, in their order, or undefined if all were delivered. What it throws concerns the whole
   * request: it is sent again if that may help, else the job fails. `signal` aborts when the writer is closed.
   */
  send(entries: readonly Entry[], signal: AbortSignal): Promise<readonly SendOutcome<Entry>[] | undefined>
  /** May the request succeed when it is sent again? Default: throttling, 5xx, time-outs and broken connections may. */
  isTransient?(error: unknown): boolean
  /**
   * Why the service refused a request for the sake of some entry in it; undefined if that is not what the error says. The request is then
   * sent again in halves, until the entries that are at fault are alone: those are rejected.
   */
  refusalOf?(error: unknown): string | undefined
  /** How many records an entry is, for `numRecordsSend`. Default: 1. */
  countOf?(entry: Entry): number
  /** Takes what was refused. Default: the value goes to the sink's `rejected` output. */
  reject?(entry: Entry | undefined, value: In, timestamp: number, reason: string): void
  /** An entry that could not be delivered for so long fails the job, with MILLRACE_OUTPUT. Default 10 minutes. */
  readonly giveUpMs?: number
  /** Waits before an entry is sent again, and between requests while none goes well, are random, up to `baseMs` doubled with each attempt, at most `maxMs`. Default 100 and 2,000. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number }
  /** In [0, 1); for the waits. Default: Math.random. */
  readonly random?: () => number
  /** Lets go of the client. */
  close?(): void | Promise<void>
}
