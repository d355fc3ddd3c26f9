import { MillraceError } from '../../runtime/contract/errors.js'
import type { GraphEdge, GraphNode, JobGraph } from '../../runtime/contract/graph.js'
import { atOf } from '../process/user-function.js'
import type { CallSite } from './call-site.js'
import { deadLetterNodes } from './dead-letter-nodes.js'
import type { PortInput, Transformation, Work } from './transformation.js'
import { assignUids } from './uids.js'

/** Collects what the user's build function adds, each behind what feeds it, and makes the job graph of it. */
export class GraphBuilder {
  private readonly transformations: Transformation[] = []
  private built = false

  /** MILLRACE_GRAPH once the graph is built: a stream that was kept and used later. */
  add(
    what: string,
    inputs: readonly PortInput[],
    work: Work,
    site: CallSite,
    options: { readonly uid?: string; readonly name?: string } = {},
  ): Transformation {
    if (this.built) {
      throw new MillraceError('MILLRACE_GRAPH', `${what} was added after the job was built`, {
        hint: 'everything a job does is said in its build function, which is synchronous',
        ...atOf(site),
      })
    }
    const { uid, name = what } = options
    const transformation: Transformation = { id: this.transformations.length, what, inputs, work, site, uid, name }
    this.transformations.push(transformation)
    return transformation
  }

  /** The graph. MILLRACE_GRAPH for missing and duplicate uids, and for a job without a sink. */
  build(): JobGraph {
    this.built = true
    if (!this.transformations.some(({ work }) => work.kind === 'sink')) {
      throw new MillraceError('MILLRACE_GRAPH', 'the job has no sink, so nothing would come of it', {
        hint: 'end at least one stream with .sinkTo(sink, { uid })',
      })
    }
    const { order, inputs } = this.withDeadLetters()
    const uids = assignUids(order)
    const ids = new Map(order.map((transformation, id) => [transformation, id]))
    return {
      nodes: order.map((transformation, id) => {
        const edges = (inputs.get(transformation) ?? transformation.inputs).map((input) => graphEdge(input, ids))
        return graphNode(transformation, id, uids[id]!, edges)
      }),
    }
  }

  /** All transformations, each behind what feeds it; and the inputs of those that have more than the user gave them. */
  private withDeadLetters(): {
    readonly order: readonly Transformation[]
    readonly inputs: ReadonlyMap<Transformation, readonly PortInput[]>
  } {
    const { transformations } = this
    const bounded = transformations.every(({ work }) => work.kind !== 'source' || work.source.bounded)
    const inputs = new Map<Transformation, readonly PortInput[]>()
    const [before, after]: [Transformation[], Transformation[]] = [[], []]
    for (const transformation of transformations) {
      const { onError } = transformation
      if (typeof onError !== 'object') continue
      const nodes = deadLetterNodes(transformation, onError, bounded)
      before.push(...nodes.before)
      after.push(...nodes.after)
      inputs.set(transformation, nodes.inputs)
    }
    return { order: [...before, ...transformations, ...after], inputs }
  }
}

function graphNode(
  { name, work, site, onError }: Transformation,
  id: number,
  uid: string,
  inputs: GraphEdge[],
): GraphNode {
  const policy = onError === 'drop' ? { onError } : onError === undefined ? {} : { redriven: true as const }
  const node: GraphNode =
    work.kind === 'source'
      ? { id, uid, name, ...work }
      : work.kind === 'sink'
        ? { id, uid, name, ...work, inputs }
        : { id, uid, name, ...work, ...policy, inputs }
  // Finding the place costs something, and only messages ask for it.
  return Object.defineProperty(node, 'at', { get: () => site.at, enumerable: true })
}

function graphEdge(
  { port: { from, tag, partitioning }, input }: PortInput,
  ids: ReadonlyMap<Transformation, number>,
): GraphEdge {
  return { from: ids.get(from)!, input, partitioning, ...(tag === undefined ? {} : { tag }) }
}
