// A job that counts, windows and writes, and fails on purpose; what it must come to whatever happens to it.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  boundedOutOfOrderness,
  count,
  defineJob,
  map,
  tumbling,
  value,
  type JobDefinition,
  type Sink,
} from '../../operators/index.js'
import { fileSink, jsonLines } from '../../operators/connectors/file/index.js'
import { collectSink, sourceOf, type CollectSink } from '../../runtime/testing/index.js'

export interface Reading {
  readonly id: number
  readonly key: string
  readonly time: number
}

/** `[key, start, records]` of each window, `[key, records of it so far]` of each record. */
export type Line = readonly [string, number, number?]

/** Readings in several splits, each in order of time. */
export function readings(splits: number, each: number, keys: number): Reading[][] {
  return Array.from({ length: splits }, (_, split) =>
    Array.from({ length: each }, (_, i) => {
      const id = i * splits + split
      return { id, key: `k${(id * 7919) % keys}`, time: i * 10 + split }
    }),
  )
}

/** What fails, and when: called for each record that a map between source and window sees. */
export type Fault = (reading: Reading) => void

export interface FaultJobOptions {
  readonly splits: readonly (readonly Reading[])[]
  readonly directory: string
  readonly fault?: Fault
  readonly recordsPerPoll?: number
  readonly pollEveryMs?: number
  /** Where the numbered records of the keys go besides. */
  readonly numbersTo?: Sink<Line>
}

/** Counts per key and window to files and to memory, and numbers the records of each key in state. */
export function faultJob(options: FaultJobOptions): {
  job: JobDefinition
  counts: CollectSink<Line>
  numbers: CollectSink<Line>
} {
  const { splits, directory, fault, recordsPerPoll = 20, pollEveryMs = 1, numbersTo } = options
  const [counts, numbers] = [collectSink<Line>(), collectSink<Line>()]
  const state = { records: value<number>(), windows: map<number, number>() }
  const job = defineJob({
    name: 'faults',
    build(env) {
      const watermarks = boundedOutOfOrderness(5, (reading: Reading) => reading.time)
      const keyed = env
        .fromSource(sourceOf(splits, { recordsPerPoll, pollEveryMs }), { uid: 'readings', watermarks })
        .map((reading) => {
          fault?.(reading)
          return reading
        })
        .keyBy(({ key }) => key)
      const windows = keyed
        .window(tumbling(100))
        .aggregate(count(), (key, { start }, records): Line => [key, start, records])
        .uid('windows')
      windows.sinkTo(counts.sink, { uid: 'counts' })
      windows.sinkTo(fileSink({ directory, format: jsonLines() }), { uid: 'files' })
      const numbered = keyed.process<Line, typeof state>(
        {
          state,
          onElement({ key }, ctx) {
            const number = (ctx.state.records.value() ?? 0) + 1
            ctx.state.records.update(number)
            ctx.emit([key, number])
          },
        },
        { uid: 'numbers' },
      )
      numbered.sinkTo(numbers.sink, { uid: 'numbered' })
      if (numbersTo !== undefined) numbered.sinkTo(numbersTo, { uid: 'numbered-again' })
    },
  })
  return { job, counts, numbers }
}

/** The lines that it must come to, sorted. */
export function expectedLines(splits: readonly (readonly Reading[])[]): { counts: string[]; numbers: string[] } {
  const windows = new Map<string, number>()
  const keys = new Map<string, number>()
  for (const { key, time } of splits.flat()) {
    const window = JSON.stringify([key, Math.floor(time / 100) * 100])
    windows.set(window, (windows.get(window) ?? 0) + 1)
    keys.set(key, (keys.get(key) ?? 0) + 1)
  }
  return {
    counts: [...windows].map(([window, n]) => JSON.stringify([...(JSON.parse(window) as unknown[]), n])).sort(),
    numbers: [...keys].flatMap(([key, n]) => Array.from({ length: n }, (_, i) => JSON.stringify([key, i + 1]))).sort(),
  }
}

export function asLines(sink: CollectSink<Line>): string[] {
  return sink
    .values()
    .map((line) => JSON.stringify(line))
    .sort()
}

/** All lines of the folder that others may see, sorted. */
export async function linesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory)
  const visible = names.filter((name) => !name.startsWith('.') && !name.startsWith('_'))
  const texts = await Promise.all(visible.map((name) => readFile(join(directory, name), 'utf8')))
  return texts.flatMap((text) => text.split('\n').filter((line) => line !== '')).sort()
}
