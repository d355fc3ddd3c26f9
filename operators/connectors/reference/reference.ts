import type { CheckContext } from '../../../runtime/contract/check.js'
import type { MetricGroup } from '../../../runtime/contract/metrics.js'
import type { Clock } from '../../../runtime/contract/time.js'
import type { Duration } from '../../api/duration.js'

/** What reference data can be looked up by. */
export type ReferenceKey = string | number | bigint | boolean

/** One reading of the whole of it. `version` is the loader's own, to ask for changes with. */
export interface LoadedReference<K, V> {
  readonly version: unknown
  readonly entries: ReadonlyMap<K, V>
}

/** Where reference data comes from: an S3 object, a DynamoDB table... */
export interface ReferenceLoader<K, V> {
  /** For messages: `s3://bucket/products.json`. */
  readonly describe: string
  /** On the main thread: it is there and may be read. Rejects with one clear MILLRACE_INPUT error. */
  check(ctx: CheckContext): Promise<void>
  /** All of it, or undefined if it is still what `known` was read as. All or nothing: rejects with MILLRACE_INPUT. */
  load(known: LoadedReference<K, V> | undefined): Promise<LoadedReference<K, V> | undefined>
  /** Lets go of connections; it may be loaded again afterwards. */
  close(): void
}

/** How reference data is kept. */
export interface ReferenceOptions {
  /** How often it is looked at for changes. Default `5m`; `never`: read once, at the start of each attempt. */
  readonly refresh?: Duration | 'never'
}

/** What `open` of a process function, asynchronous or not, hands over. */
export interface ReferenceContext {
  readonly clock: Clock
  readonly metrics: MetricGroup
  warn(message: string): void
}

/** The data as of the last successful reading: `get` answers at once. Values are shared by all subtasks of a thread: do not change them. */
export interface ReferenceTable<K, V> {
  get(key: K): V | undefined
  has(key: K): boolean
  readonly size: number
  entries(): ReadonlyMap<K, V>
  /** When it was last found to be up to date, epoch milliseconds. */
  readonly upToDateMs: number
  /** Once for each `open`; the last one ends the refreshing. */
  close(): void
}

/**
 * Data from outside that records are enriched with, small enough for memory. Loaded once a thread, whole, before the first record;
 * refreshed behind, and replaced at one moment. A refresh that fails changes nothing: it is a warning, and tried again at the next.
 */
export interface ReferenceData<K, V> {
  readonly describe: string
  /** For `check` of the function that uses it. MILLRACE_INPUT if it cannot be read. */
  check(ctx: CheckContext): Promise<void>
  /** For `open`: resolves once it is loaded; MILLRACE_INPUT if it cannot be. Slot thread. */
  open(ctx: ReferenceContext): Promise<ReferenceTable<K, V>>
}
