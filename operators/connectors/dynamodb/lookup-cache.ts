/**
 * Invariant: for one key at most one request is under way; an old value is given until a newer one is there.
 */
import type { Counter, MetricGroup } from '../../../runtime/contract/metrics.js'
import { steadyTime, type Clock } from '../../../runtime/contract/time.js'

/** What `open` of an asynchronous function hands over. */
export interface LookupContext {
  readonly clock: Clock
  readonly metrics: MetricGroup
  warn(message: string): void
}

/** What a cache is made with. */
export interface LookupCacheOptions<K, V> {
  /** For warnings: `dynamodb://agents`. */
  readonly describe: string
  readonly load: (key: K) => Promise<V | undefined>
  readonly refreshMs: number
  readonly refreshMissingMs: number
  readonly maxEntries: number
  readonly ctx: LookupContext
}

interface Entry<V> {
  readonly value: V | undefined
  /** When it is to be looked up again, epoch milliseconds. */
  dueMs: number
}

/** Values by key, those that are not there included. Slot thread. */
export class LookupCache<K, V> {
  private readonly options: LookupCacheOptions<K, V>
  /** The one not asked for longest first. */
  private readonly entries = new Map<K, Entry<V>>()
  private readonly loading = new Map<K, Promise<V | undefined>>()
  private readonly hits: Counter
  private readonly misses: Counter

  constructor(options: LookupCacheOptions<K, V>) {
    this.options = options
    const { metrics } = options.ctx
    this.hits = metrics.counter('lookupHits')
    this.misses = metrics.counter('lookupMisses')
    metrics.gauge('lookupEntries', () => this.entries.size)
  }

  async get(key: K): Promise<V | undefined> {
    const entry = this.entries.get(key)
    if (entry === undefined) {
      this.misses.inc()
      return this.load(key)
    }
    this.hits.inc()
    this.entries.delete(key)
    this.entries.set(key, entry)
    if (steadyTime(this.options.ctx.clock) >= entry.dueMs) this.refresh(key, entry)
    return entry.value
  }

  known(key: K): V | undefined {
    return this.entries.get(key)?.value
  }

  private refresh(key: K, entry: Entry<V>): void {
    if (this.loading.has(key)) return
    this.load(key).catch((error: unknown) => {
      const { ctx, describe } = this.options
      // Not at once again: the table may be gone for a while.
      entry.dueMs = steadyTime(ctx.clock) + this.lifeOf(entry.value)
      const why = error instanceof Error ? error.message : String(error)
      ctx.warn(`${describe} could not be asked again, the old value stays: ${why}`)
    })
  }

  private load(key: K): Promise<V | undefined> {
    let loading = this.loading.get(key)
    if (loading === undefined) {
      loading = this.options.load(key).then((value) => this.keep(key, value))
      this.loading.set(key, loading)
      const done = (): void => void this.loading.delete(key)
      loading.then(done, done)
    }
    return loading
  }

  private keep(key: K, value: V | undefined): V | undefined {
    const { maxEntries, ctx } = this.options
    this.entries.delete(key)
    this.entries.set(key, { value, dueMs: steadyTime(ctx.clock) + this.lifeOf(value) })
    if (this.entries.size > maxEntries) this.entries.delete(this.entries.keys().next().value as K)
    return value
  }

  private lifeOf(value: V | undefined): number {
    return value === undefined ? this.options.refreshMissingMs : this.options.refreshMs
  }
}
