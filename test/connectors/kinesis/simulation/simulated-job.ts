// A host for the real enumerator and readers, as the engine is one: messages to a reader come in order, checkpoints are barriers in that
// order, and what readers emit reaches one keyed operator over a channel each, aligned at barriers. Every step is one choice of the seed.
//
//     enumerator --inbox--> reader 0 --channel--.
//                --inbox--> reader 1 --channel---> keyed operator: last number of each key, its watermark
import {
  KinesisEnumerator,
  type KinesisEnumeratorState,
} from '../../../../operators/connectors/kinesis/kinesis-enumerator.js'
import { KinesisReader } from '../../../../operators/connectors/kinesis/kinesis-reader.js'
import type { KinesisRecord } from '../../../../operators/connectors/kinesis/kinesis-record.js'
import { polling } from '../../../../operators/connectors/kinesis/polling.js'
import type { OnExpiredPosition } from '../../../../operators/connectors/kinesis/expired-position.js'
import type { ShardConsumer } from '../../../../operators/connectors/kinesis/shard-reader.js'
import type { ShardPosition, ShardSplit } from '../../../../operators/connectors/kinesis/shard-split.js'
import type { EnumeratorContext, NewSplit, SplitReader } from '../../../../runtime/contract/source.js'
import type { VirtualClock } from '../../../../runtime/testing/virtual-clock.js'
import { noMetrics } from './no-metrics.js'
import type { SeededRandom } from './random.js'
import type { SimulatedKinesis } from './simulated-kinesis.js'

interface Held {
  readonly id: string
  readonly split: ShardSplit
  readonly watermark: number
}

/** A completed checkpoint, as JSON would bring it back. */
export interface SimulatedCheckpoint {
  readonly enumerator: KinesisEnumeratorState
  readonly splits: readonly Held[]
  readonly keys: ReadonlyMap<string, number>
  readonly watermark: number
}

type ToReader =
  | { readonly type: 'assign'; readonly split: Held }
  | { readonly type: 'retire'; readonly shardId: string }
  | { readonly type: 'trigger'; readonly id: number }
type Emitted =
  | { readonly type: 'record'; readonly key: string; readonly number: number; readonly time: number }
  | { readonly type: 'watermark'; readonly watermark: number }
  | { readonly type: 'barrier'; readonly id: number }

interface OpenSplit {
  readonly id: string
  readonly reader: SplitReader<KinesisRecord, ShardSplit>
  watermark: number
  waiting: boolean
}

interface Subtask {
  readonly reader: KinesisReader
  readonly inbox: ToReader[]
  readonly open: OpenSplit[]
  readonly finished: Map<string, Held>
  readonly channel: Emitted[]
  opening: number
  sent: number
  /** As the operator has it. */
  watermark: number
  blocked: boolean
}

export interface SimulatedJobOptions {
  readonly kinesis: SimulatedKinesis
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly parallelism: number
  readonly start: ShardPosition
  readonly stopAtMs?: number
  readonly onExpiredPosition?: OnExpiredPosition
  readonly checkpointing?: boolean
  /** Default: polling with little memory. */
  readonly consumer?: ShardConsumer
}

/** One attempt of a job. */
export class SimulatedJob {
  readonly keys: Map<string, number>
  readonly warnings: string[] = []
  readonly faults: string[] = []
  /** What the job failed with. */
  failure: Error | undefined
  completed: SimulatedCheckpoint | undefined
  noMoreSplits = false
  private readonly options: SimulatedJobOptions
  private readonly enumerator: KinesisEnumerator
  private readonly subtasks: Subtask[]
  /** Told to the main thread, in order: ends of splits and completed checkpoints. */
  private readonly main: (() => void)[] = []
  private checkpoint = 0
  private pending:
    { readonly id: number; readonly enumerator: string; readonly splits: Held[]; acknowledged: number } | undefined
  private watermark: number

  constructor(options: SimulatedJobOptions, from?: SimulatedCheckpoint) {
    this.options = options
    this.keys = new Map(from?.keys)
    this.watermark = from?.watermark ?? -Infinity
    this.completed = from
    const { kinesis, random, start, stopAtMs, onExpiredPosition = 'fail' } = options
    const { consumer = polling({ bufferBytes: 20_000 }) } = options
    const reading = { consumer, deaggregate: true, onExpiredPosition, random: random.next }
    this.subtasks = Array.from({ length: options.parallelism }, (_, subtask) => ({
      reader: new KinesisReader({ stream: kinesis.stream(), ...reading }, this.readerContext(subtask)),
      inbox: [],
      open: [],
      finished: new Map(),
      channel: [],
      opening: 0,
      sent: -Infinity,
      watermark: -Infinity,
      blocked: false,
    }))
    this.enumerator = new KinesisEnumerator(
      {
        stream: kinesis.stream(),
        consumer,
        start: () => start,
        stopAt: () => stopAtMs,
        discoveryIntervalMs: 10_000,
        onExpiredPosition,
        random: random.next,
      },
      this.enumeratorContext(),
    )
  }

  /** Deals what the checkpoint has, in any way, and starts the enumerator. */
  async start(): Promise<void> {
    const { random, parallelism } = this.options
    const dealt = (this.completed?.splits ?? []).map((split) => ({
      ...split,
      subtask: random.integer(0, parallelism - 1),
    }))
    for (const { subtask, ...split } of dealt) {
      // A split that was read to its end is told again.
      if (split.split.end === undefined) this.subtasks[subtask]!.inbox.push({ type: 'assign', split })
      else this.subtasks[subtask]!.finished.set(split.id, split)
    }
    const state = this.completed?.enumerator ?? undefined
    const live = dealt.filter(({ split }) => split.end === undefined)
    const started = this.enumerator.start(state, live).then(
      () => {
        for (const { subtask, id, split, watermark } of dealt) {
          if (split.end !== undefined)
            this.main.push(() => this.enumerator.splitFinished(subtask, { id, split }, watermark))
        }
      },
      (error: unknown) => this.fail(error),
    )
    await Promise.race([started, settle()])
  }

  /** One step of one of the actors. */
  async step(): Promise<void> {
    const { random } = this.options
    const choice = random.next()
    const subtask = random.pick(this.subtasks)!
    if (choice < 0.25) await this.receive(subtask)
    else if (choice < 0.55) this.poll(subtask)
    else if (choice < 0.95) this.operate(subtask)
    else this.main.shift()?.()
  }

  trigger(): void {
    if (this.pending !== undefined) return
    const id = ++this.checkpoint
    this.pending = { id, enumerator: JSON.stringify(this.enumerator.snapshotState(id)), splits: [], acknowledged: 0 }
    for (const { inbox } of this.subtasks) inbox.push({ type: 'trigger', id })
  }

  async close(): Promise<void> {
    await this.enumerator.close('restart')
    for (const { open, reader } of this.subtasks) {
      for (const split of open) await split.reader.close?.()
      await reader.close()
    }
  }

  /** All has been read, worked on, and nothing is being assigned. */
  get quiet(): boolean {
    return (
      this.main.length === 0 &&
      this.subtasks.every(
        ({ inbox, channel, opening, open }) =>
          inbox.length === 0 && channel.length === 0 && opening === 0 && open.every(({ waiting }) => waiting),
      )
    )
  }

  /** Shards being read, by reader. */
  get spread(): readonly number[] {
    return this.subtasks.map(({ open }) => open.length)
  }

  private fail(error: unknown): void {
    this.failure ??= error as Error
  }

  private async receive(subtask: Subtask): Promise<void> {
    const message = subtask.inbox.shift()
    if (message === undefined) return
    if (message.type === 'assign') {
      subtask.opening++
      const { id, split, watermark } = message.split
      const reader = await subtask.reader.openSplit({ id, split })
      subtask.open.push({ id, reader, watermark, waiting: false })
      subtask.opening--
    } else if (message.type === 'retire') {
      if (!subtask.finished.delete(message.shardId)) this.faults.push(`${message.shardId} retired, but not finished`)
      this.sendWatermark(subtask)
    } else {
      const open = subtask.open.map(({ id, reader, watermark }) => ({ id, split: reader.position(), watermark }))
      this.pending!.splits.push(...open, ...subtask.finished.values())
      subtask.channel.push({ type: 'barrier', id: message.id })
    }
  }

  private poll(subtask: Subtask): void {
    const { random } = this.options
    const split = random.pick(subtask.open.filter(({ waiting }) => !waiting))
    if (split === undefined) return
    let most = split.watermark
    const status = split.reader.poll(
      {
        collect: (raw, timestamp) => {
          const { key, number } = JSON.parse(raw.text()) as { key: string; number: number }
          most = Math.max(most, timestamp - 1)
          subtask.channel.push({ type: 'record', key, number, time: timestamp })
        },
      },
      random.integer(1, 12),
    )
    split.watermark = most
    if (status === 'wait') {
      split.waiting = true
      split.reader.available().then(
        () => (split.waiting = false),
        (error: unknown) => this.fail(error),
      )
    } else if (status === 'end') this.finish(subtask, split)
    this.sendWatermark(subtask)
  }

  private finish(subtask: Subtask, { id, reader, watermark }: OpenSplit): void {
    const held = { id, split: reader.position(), watermark }
    subtask.open.splice(
      subtask.open.findIndex((one) => one.id === id),
      1,
    )
    subtask.finished.set(id, held)
    void reader.close?.()
    const index = this.subtasks.indexOf(subtask)
    this.main.push(() => this.enumerator.splitFinished(index, { id, split: held.split }, watermark))
  }

  private sendWatermark(subtask: Subtask): void {
    if (subtask.opening > 0 || subtask.inbox.some(({ type }) => type === 'assign')) return
    const all = [...subtask.open, ...subtask.finished.values()].map(({ watermark }) => watermark)
    const watermark = all.length === 0 ? subtask.sent : Math.min(...all)
    if (watermark <= subtask.sent) return
    subtask.sent = watermark
    subtask.channel.push({ type: 'watermark', watermark })
  }

  private operate(subtask: Subtask): void {
    if (subtask.blocked) return
    const element = subtask.channel.shift()
    if (element === undefined) return
    if (element.type === 'record') this.work(element)
    else if (element.type === 'watermark') {
      subtask.watermark = Math.max(subtask.watermark, element.watermark)
      const reading = this.subtasks.filter(hasSplits)
      this.watermark = Math.max(this.watermark, Math.min(...reading.map((one) => one.watermark)))
    } else {
      subtask.blocked = true
      this.pending!.acknowledged++
      if (this.pending!.acknowledged === this.subtasks.length) this.complete()
    }
  }

  private work({ key, number, time }: { key: string; number: number; time: number }): void {
    const last = this.keys.get(key) ?? 0
    if (number !== last + 1) this.faults.push(`${key}: ${number} after ${last}`)
    if (time <= this.watermark) this.faults.push(`${key}: ${number} is late: ${time} at ${this.watermark}`)
    this.keys.set(key, number)
  }

  private complete(): void {
    const { id, enumerator, splits } = this.pending!
    const state = JSON.parse(enumerator) as KinesisEnumeratorState
    const stored = JSON.parse(JSON.stringify(splits.map((one) => [one.id, one.split]))) as [string, ShardSplit][]
    this.completed = {
      enumerator: state,
      splits: stored.map(([splitId, split], i) => ({ id: splitId, split, watermark: splits[i]!.watermark })),
      keys: new Map(this.keys),
      watermark: this.watermark,
    }
    this.pending = undefined
    for (const subtask of this.subtasks) subtask.blocked = false
    this.main.push(() => this.enumerator.checkpointComplete(id))
  }

  private enumeratorContext(): EnumeratorContext<ShardSplit> {
    const { clock, parallelism, checkpointing = true } = this.options
    return {
      uid: 'readings',
      jobId: 'job',
      runId: 'run',
      runStartedAtMs: 0,
      parallelism,
      attempt: 1,
      checkpointing,
      clock,
      metrics: noMetrics(),
      assignSplits: (subtask, splits) => {
        for (const split of splits) this.assigned(subtask, split)
      },
      retireSplits: (subtask, ids) => {
        for (const shardId of ids) this.subtasks[subtask]!.inbox.push({ type: 'retire', shardId })
      },
      signalNoMoreSplits: () => (this.noMoreSplits = true),
      warn: (message) => this.warnings.push(message),
      fail: (error) => this.fail(error),
    }
  }

  private assigned(subtask: number, { id, split, watermark = -Infinity }: NewSplit<ShardSplit>): void {
    this.subtasks[subtask]!.inbox.push({ type: 'assign', split: { id, split, watermark } })
  }

  private readerContext(subtask: number): ConstructorParameters<typeof KinesisReader>[1] {
    const { clock, parallelism } = this.options
    return {
      uid: 'readings',
      jobId: 'job',
      runId: 'run',
      subtask,
      parallelism,
      attempt: 1,
      clock,
      metrics: noMetrics(),
      warn: (message) => this.warnings.push(message),
    }
  }
}

/** Any, on their way to it too: else it holds nobody back. */
function hasSplits({ open, finished, opening, inbox }: Subtask): boolean {
  return open.length + finished.size + opening > 0 || inbox.some(({ type }) => type === 'assign')
}

/** Lets everything that does not wait for the clock happen. */
export async function settle(turns = 3): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}
