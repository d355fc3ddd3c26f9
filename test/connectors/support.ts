import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { JsonValue } from '../../runtime/contract/json.js'
import type { IdentifiedSplit, RawOutput, RawRecord, Source, SplitReader } from '../../runtime/contract/source.js'
import type { Clock } from '../../runtime/contract/time.js'
import { LocalMetrics } from '../../runtime/metrics/local-metrics.js'

/** A folder of the test's own, gone when it ends. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-connectors-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A clock that stands until it is moved. */
export class HandClock implements Clock {
  private time = 1_000_000
  private timers: { readonly at: number; readonly callback: () => void }[] = []

  now(): number {
    return this.time
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.time + delayMs, callback }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((other) => other !== timer)
    }
  }

  get pending(): number {
    return this.timers.length
  }

  advance(ms: number): void {
    this.time += ms
    const due = this.timers.filter((timer) => timer.at <= this.time)
    this.timers = this.timers.filter((timer) => timer.at > this.time)
    for (const { callback } of due) callback()
  }
}

export interface Enumerated<Split, State> {
  readonly assigned: ReadonlyMap<number, readonly IdentifiedSplit<Split>[]>
  readonly splits: readonly IdentifiedSplit<Split>[]
  readonly state: State
  readonly warnings: readonly string[]
  readonly noMoreSplits: boolean
}

/** Starts an enumerator, fresh or from a checkpoint, and says what it did. */
export async function enumerate<Raw, Split extends JsonValue, State extends JsonValue>(
  source: Source<Raw, Split, State>,
  options: { parallelism?: number; restored?: State; assigned?: readonly IdentifiedSplit<Split>[] } = {},
): Promise<Enumerated<Split, State>> {
  const assigned = new Map<number, IdentifiedSplit<Split>[]>()
  const warnings: string[] = []
  let noMoreSplits = false
  const enumerator = source.createEnumerator({
    uid: 'source',
    jobId: 'job',
    runId: 'run',
    runStartedAtMs: 0,
    attempt: 1,
    checkpointing: true,
    metrics: new LocalMetrics(),
    retireSplits: () => undefined,
    parallelism: options.parallelism ?? 1,
    clock: new HandClock(),
    assignSplits: (subtask, splits) => assigned.set(subtask, [...(assigned.get(subtask) ?? []), ...splits]),
    signalNoMoreSplits: () => {
      noMoreSplits = true
    },
    warn: (message) => warnings.push(message),
    fail: (error) => {
      throw error
    },
  })
  // What a manifest does to them.
  const restored = options.restored === undefined ? undefined : (JSON.parse(JSON.stringify(options.restored)) as State)
  await enumerator.start(restored, options.assigned?.map((split) => ({ ...split, subtask: 0 })) ?? [])
  const state = enumerator.snapshotState(1)
  return { assigned, splits: [...assigned.values()].flat(), state, warnings, noMoreSplits }
}

export interface ReadRecord {
  readonly bytes: Buffer
  readonly text: string
  readonly position: string
}

/** A reader of a source, with what it warned of. */
export function readerOf<Raw, Split extends JsonValue>(
  source: Source<Raw, Split>,
  clock: Clock = new HandClock(),
): { open: (split: Split) => Promise<SplitReader<Raw, Split>>; warnings: string[] } {
  const warnings: string[] = []
  const reader = source.createReader({
    uid: 'source',
    jobId: 'job',
    runId: 'run',
    attempt: 1,
    metrics: new LocalMetrics(),
    subtask: 0,
    parallelism: 1,
    clock,
    warn: (message) => warnings.push(message),
  })
  const open = async (split: Split): Promise<SplitReader<Raw, Split>> =>
    reader.openSplit({ id: 'a split', split: JSON.parse(JSON.stringify(split)) as Split })
  return { open, warnings }
}

/** Keeps copies of what it is given. */
export function collector(): { readonly records: ReadRecord[]; readonly out: RawOutput<RawRecord> } {
  const records: ReadRecord[] = []
  const out: RawOutput<RawRecord> = {
    collect: (raw) => records.push({ bytes: Buffer.from(raw.bytes), text: raw.text(), position: raw.position() }),
  }
  return { records, out }
}

/** Polls until the split ends, `max` records at a time. */
export async function readToEnd<Raw, Split>(
  reader: SplitReader<Raw, Split>,
  out: RawOutput<Raw>,
  max = 100,
): Promise<void> {
  while (true) {
    const status = reader.poll(out, max)
    if (status === 'end') break
    if (status === 'wait') await reader.available()
  }
  await reader.close?.()
}

/** All records of a source, split after split. */
export async function readAll<Split extends JsonValue, State extends JsonValue>(
  source: Source<RawRecord, Split, State>,
): Promise<ReadRecord[]> {
  const { splits } = await enumerate(source)
  const { records, out } = collector()
  const { open } = readerOf(source)
  for (const { split } of splits) await readToEnd(await open(split), out)
  return records
}
