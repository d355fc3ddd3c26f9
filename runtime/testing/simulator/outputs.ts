import { inspect } from 'node:util'
import type { JsonValue } from '../../contract/json.js'
import type { Sink, SinkCommitter, SinkCommitterContext, SinkWriter, SinkWriterContext } from '../../contract/sink.js'
import { MillraceError } from '../../contract/errors.js'
import type { Faults } from './faults.js'
import type { SimIo } from './sim-io.js'

/** A transaction of the outside system that a sink writes to. */
interface Transaction {
  readonly runId: string
  readonly epoch: number
  readonly records: readonly string[]
  state: 'prepared' | 'committed' | 'aborted'
}

/** Whose transaction it is. */
interface RunOfSink {
  readonly runId: string
  readonly epoch: number
}

/** What a sink may not do. */
export type Violate = (what: string) => void

/**
 * The outside system behind all sinks of a job: transactions that are prepared, then committed or aborted. It outlives processes, and
 * knows what no sink may do.
 */
export class Outputs {
  /** Whether a manifest in the log names the transaction. */
  isNamed: (id: string) => boolean = () => true
  private readonly violate: Violate
  private readonly transactions = new Map<string, Transaction>()
  private readonly committed = new Map<string, string[]>()
  private ids = 0

  constructor(violate: Violate) {
    this.violate = violate
  }

  /** All committed records of each sink, as text, sorted. */
  records(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.committed].map(([uid, records]) => [uid, [...records].sort()]))
  }

  prepare(uid: string, { runId, epoch }: RunOfSink, records: readonly string[]): string {
    const id = `${uid}/${this.ids++}`
    this.transactions.set(id, { runId, epoch, records, state: 'prepared' })
    return id
  }

  commit(uid: string, id: string): void {
    const transaction = this.transactions.get(id)
    if (transaction === undefined) return this.violate(`sink "${uid}" commits ${id}, which was never prepared`)
    if (!this.isNamed(id)) this.violate(`sink "${uid}" commits ${id} before a manifest names it`)
    if (transaction.state === 'aborted') return this.violate(`sink "${uid}" commits ${id}, which was aborted`)
    if (transaction.state === 'committed') return
    transaction.state = 'committed'
    this.ofSink(uid).push(...transaction.records)
  }

  /** A newer epoch's are another process's, which has taken over. */
  abortPrepared(uid: string, { runId, epoch }: RunOfSink): void {
    for (const [id, transaction] of this.transactions) {
      if (!id.startsWith(`${uid}/`) || transaction.runId !== runId || transaction.state !== 'prepared') continue
      if (transaction.epoch > epoch) continue
      transaction.state = 'aborted'
    }
  }

  private ofSink(uid: string): string[] {
    let records = this.committed.get(uid)
    if (records === undefined) this.committed.set(uid, (records = []))
    return records
  }
}

/** What the sinks of one thread have around them. */
export interface SinkSurroundings {
  readonly outputs: Outputs
  readonly io: SimIo
  readonly faults: Faults
}

/** A two-phase sink in place of `of`: what it writes goes to the simulated outside system. */
export function simSink(of: Sink<unknown>, around: SinkSurroundings): Sink<unknown> {
  return {
    name: of.name,
    guarantee: of.guarantee,
    describe: of.describe,
    createWriter: async (ctx) => {
      await around.io.pause('open writer')
      return new SimSinkWriter(ctx, around)
    },
    createCommitter: (ctx) => new SimCommitter(ctx, around),
  }
}

class SimSinkWriter implements SinkWriter<unknown> {
  private readonly ctx: SinkWriterContext
  private readonly around: SinkSurroundings
  private buffer: string[] = []
  private prepared: string[] = []

  constructor(ctx: SinkWriterContext, around: SinkSurroundings) {
    this.ctx = ctx
    this.around = around
  }

  write(value: unknown): void {
    this.buffer.push(textOf(value))
  }

  async flush(): Promise<void> {
    const { outputs, io, faults } = this.around
    if (this.buffer.length === 0) return
    const records = this.buffer
    this.buffer = []
    await io.run('flush', () => faults.flushMayFail())
    this.prepared.push(outputs.prepare(this.ctx.uid, this.ctx, records))
  }

  prepareCommit(): string[] {
    const { prepared } = this
    this.prepared = []
    return prepared
  }

  async close(): Promise<void> {
    await this.around.io.pause('close writer')
  }
}

class SimCommitter implements SinkCommitter {
  private readonly ctx: SinkCommitterContext
  private readonly around: SinkSurroundings

  constructor(ctx: SinkCommitterContext, around: SinkSurroundings) {
    this.ctx = ctx
    this.around = around
  }

  async commit(ids: readonly JsonValue[]): Promise<void> {
    const { outputs, io, faults } = this.around
    for (const id of ids) {
      await io.run('commit', () => faults.commitMayFail())
      outputs.commit(this.ctx.uid, id as string)
      await io.run('committed', () => faults.commitMayFail())
    }
  }

  async recover(): Promise<void> {
    const { outputs, io } = this.around
    await io.pause('recover')
    outputs.abortPrepared(this.ctx.uid, this.ctx)
  }
}

/** A record as text: two records are the same if their texts are. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  try {
    return inspect(value, {
      depth: 50,
      breakLength: Infinity,
      maxArrayLength: null,
      maxStringLength: null,
      sorted: true,
    })
  } catch (error) {
    throw new MillraceError('MILLRACE_OUTPUT', 'a record cannot be shown as text', { cause: error })
  }
}
