import type { LoadedReference, ReferenceContext, ReferenceLoader, ReferenceTable } from './reference.js'

interface Current<K, V> extends LoadedReference<K, V> {
  readonly upToDateMs: number
}

/** The one copy of a thread, for as long as any of its subtasks has it open. Each job's graph has its own. */
export class SharedTable<K, V> {
  private readonly loader: ReferenceLoader<K, V>
  private readonly refreshMs: number | undefined
  private readonly users = new Set<ReferenceContext>()
  private current: Current<K, V> | undefined
  private loading: Promise<void> | undefined
  private cancelTimer: () => void = () => undefined
  /** Counts the times that the last user has left: what was under way then is of no interest any more. */
  private generation = 0

  constructor(loader: ReferenceLoader<K, V>, refreshMs: number | undefined) {
    this.loader = loader
    this.refreshMs = refreshMs
  }

  async open(ctx: ReferenceContext): Promise<ReferenceTable<K, V>> {
    // One open is one user, though one context may open twice.
    const user: ReferenceContext = { clock: ctx.clock, metrics: ctx.metrics, warn: (message) => ctx.warn(message) }
    this.users.add(user)
    try {
      this.loading ??= this.firstLoad(user)
      await this.loading
    } catch (error) {
      this.leave(user)
      throw error
    }
    const table = this.tableOf(user)
    ctx.metrics.gauge('referenceEntries', () => table.size, 'max')
    ctx.metrics.gauge('referenceAgeMs', () => ctx.clock.now() - table.upToDateMs, 'max')
    return table
  }

  private tableOf(user: ReferenceContext): ReferenceTable<K, V> {
    const current = (): Current<K, V> => this.current!
    return {
      get: (key) => current().entries.get(key),
      has: (key) => current().entries.has(key),
      get size() {
        return current().entries.size
      },
      entries: () => current().entries,
      get upToDateMs() {
        return current().upToDateMs
      },
      close: () => this.leave(user),
    }
  }

  private async firstLoad({ clock }: ReferenceContext): Promise<void> {
    const { generation } = this
    const loaded = (await this.loader.load(undefined))!
    this.current = { ...loaded, upToDateMs: clock.now() }
    if (generation === this.generation) this.schedule()
  }

  private schedule(): void {
    const [user] = this.users
    if (this.refreshMs === undefined || user === undefined) return
    this.cancelTimer = user.clock.setTimeout(() => void this.refresh(user), this.refreshMs)
  }

  /** Never rejects. */
  private async refresh({ clock }: ReferenceContext): Promise<void> {
    const { generation } = this
    const before = this.current!
    try {
      const loaded = await this.loader.load(before)
      if (generation !== this.generation) return
      this.current = { ...(loaded ?? before), upToDateMs: clock.now() }
    } catch (error) {
      if (generation !== this.generation) return
      const why = error instanceof Error ? error.message : String(error)
      const read = new Date(before.upToDateMs).toISOString()
      const [teller] = this.users
      teller?.warn(`${this.loader.describe} could not be refreshed, what was read at ${read} stays: ${why}`)
    }
    this.schedule()
  }

  private leave(user: ReferenceContext): void {
    if (!this.users.delete(user) || this.users.size > 0) return
    this.generation++
    this.cancelTimer()
    this.loading = undefined
    this.loader.close()
  }
}
