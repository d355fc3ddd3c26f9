import { type S3SinkOptions, s3SinkOver } from '../../../operators/connectors/s3/s3-sink.js'
import type { S3Committable, S3OpenObject } from '../../../operators/connectors/s3/object-state.js'
import type { SinkWriter, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { HandClock } from '../support.js'
import type { S3Model } from './s3-model.js'

export const PART = 64

export interface Row {
  readonly id: number
  readonly part: string
}

const metrics = {
  counter: () => ({ inc: () => undefined, count: 0 }),
  gauge: () => undefined,
  meter: () => ({ mark: () => undefined }),
  histogram: () => ({ update: () => undefined }),
  addGroup: () => metrics,
}

export interface Rejected {
  readonly value: unknown
  readonly reason: string
}

export function contextOf(options: Partial<SinkWriterContext> = {}): SinkWriterContext {
  return {
    uid: 'lake',
    jobId: 'job',
    runId: 'run-1',
    subtask: 0,
    parallelism: 1,
    attempt: 1,
    epoch: 1,
    clock: new HandClock(),
    metrics,
    print: () => undefined,
    warn: () => undefined,
    reject: (_, __, reason) => {
      throw new Error(reason)
    },
    ...options,
  }
}

interface Manifest {
  readonly position: number
  readonly states: readonly S3OpenObject[]
  readonly committables: readonly S3Committable[]
  readonly final: boolean
}

/** What survives a process. */
export interface World {
  readonly model: S3Model
  readonly manifests: Manifest[]
  epoch: number
}

export interface JobShape {
  readonly rows: readonly Row[]
  readonly options: Partial<S3SinkOptions<Row>>
  /** Rows between two checkpoints. */
  readonly every: number
  /** By process: the first has the first. */
  readonly parallelism: (epoch: number) => number
  /** Called between any two steps that are not calls of S3. */
  readonly step?: (name: string) => void
}

/** What an engine does with a sink, in one process: go on from the last manifest, write, checkpoint, commit, end. */
export async function runProcess(world: World, shape: JobShape, process: { dead: boolean }): Promise<void> {
  const { rows, options, every } = shape
  const step = shape.step ?? (() => undefined)
  const epoch = ++world.epoch
  const parallelism = shape.parallelism(epoch)
  const connect = () => Promise.resolve(world.model.calls(process))
  const sink = s3SinkOver<Row>({ bucket: 'bucket', prefix: 'lake', ...options }, connect, PART)
  const committer = sink.createCommitter!({ uid: 'lake', jobId: 'job', runId: 'run-1', epoch, warn: () => undefined })
  const from = world.manifests.at(-1)
  if (from !== undefined) await committer.commit(from.committables)
  await committer.recover!({ fresh: from === undefined, writerStates: from?.states ?? [] })
  if (from?.final === true) return

  const clock = new HandClock()
  const writers: SinkWriter<Row, S3Committable, S3OpenObject>[] = []
  for (let subtask = 0; subtask < parallelism; subtask++) {
    const writer = await sink.createWriter(contextOf({ subtask, parallelism, epoch, clock }))
    const states = (from?.states ?? []).filter((_, i) => i % parallelism === subtask)
    if (states.length > 0) writer.restoreState!(states)
    writers.push(writer)
  }
  const checkpoint = async (position: number, final: boolean): Promise<void> => {
    await Promise.all(writers.map(async (writer) => writer.flush(position)))
    const manifest = {
      position,
      final,
      states: writers.flatMap((writer) => writer.snapshotState!(position)),
      committables: writers.flatMap((writer) => writer.prepareCommit!(position)),
    }
    step('append')
    world.manifests.push(JSON.parse(JSON.stringify(manifest)) as Manifest)
    step('appended')
    await committer.commit(manifest.committables)
  }
  try {
    for (let position = from?.position ?? 0; position < rows.length; position++) {
      const writer = writers[position % parallelism]!
      writer.write(rows[position]!, position)
      clock.advance(10)
      await writer.busy?.()
      if ((position + 1) % every === 0) await checkpoint(position + 1, false)
    }
    for (const writer of writers) await writer.finish?.()
    await checkpoint(rows.length, true)
    await committer.recover!({ fresh: false, writerStates: [] })
  } finally {
    // A failed attempt is closed; a dead process is not.
    if (!process.dead) for (const writer of writers) await writer.close?.()
  }
}
