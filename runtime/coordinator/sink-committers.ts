import type { CheckpointManifest } from '../checkpoint/manifest.js'
import type { JobGraph, SinkNode } from '../contract/graph.js'
import type { JsonValue } from '../contract/json.js'
import { operatorFailure } from '../contract/operator-failure.js'
import type { Sink, SinkCommitter } from '../contract/sink.js'

/** Committables by sink uid. */
export type Committables = Readonly<Record<string, readonly JsonValue[]>>

/** What committers are made with. */
export interface CommittersContext {
  readonly jobId: string
  readonly runId: string
  readonly epoch: number
  warn(uid: string, message: string): void
}

/** The committers of all sinks of a process. Main thread. */
export class SinkCommitters {
  private readonly context: CommittersContext
  private committers: ReadonlyMap<string, SinkCommitter>

  constructor(graph: JobGraph, context: CommittersContext) {
    this.context = context
    this.committers = this.open(graph)
  }

  /** The same sinks, with other values in them. */
  async renew(graph: JobGraph): Promise<void> {
    await this.close()
    this.committers = this.open(graph)
  }

  private open(graph: JobGraph): Map<string, SinkCommitter> {
    const { context } = this
    const committers = new Map<string, SinkCommitter>()
    for (const node of graph.nodes) {
      if (node.kind !== 'sink') continue
      const { uid } = node
      const committer = (node.sink as unknown as Sink<unknown>).createCommitter?.({
        ...context,
        uid,
        warn: (message) => context.warn(uid, message),
      })
      if (committer !== undefined) committers.set(uid, committer)
    }
    return committers
  }

  /** Publishes, idempotently, everything a written manifest names. */
  async commit(committables: Committables): Promise<void> {
    for (const [uid, list] of Object.entries(committables)) {
      if (list.length > 0) await named(uid, () => this.committers.get(uid)?.commit(list))
    }
  }

  /** After the restored manifest's committables are published, before anything is written. `from` is that manifest. */
  async recover(fresh: boolean, from: CheckpointManifest | undefined): Promise<void> {
    for (const [uid, committer] of this.committers) {
      const writerStates = from?.sinks[uid]?.writerStates ?? []
      await named(uid, () => committer.recover?.({ fresh, writerStates }))
    }
  }

  async close(): Promise<void> {
    for (const committer of this.committers.values()) await committer.close?.()
  }
}

async function named(uid: string, run: () => Promise<void> | undefined): Promise<void> {
  try {
    await run()
  } catch (error) {
    throw operatorFailure(error, uid, 'MILLRACE_OUTPUT')
  }
}

/** The sinks of a graph. */
export function sinkNodes(graph: JobGraph): SinkNode[] {
  return graph.nodes.filter((node) => node.kind === 'sink')
}
