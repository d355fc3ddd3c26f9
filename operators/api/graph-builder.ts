import { MillraceError } from '../../runtime/contract/errors.js'
import type { GraphEdge, GraphNode, JobGraph } from '../../runtime/contract/graph.js'
import { atOf } from '../process/user-function.js'
import type { CallSite } from './call-site.js'
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
    const uids = assignUids(this.transformations)
    return { nodes: this.transformations.map((transformation, id) => graphNode(transformation, uids[id]!)) }
  }
}

function graphNode({ id, name, inputs, work, site }: Transformation, uid: string): GraphNode {
  const edges = inputs.map(graphEdge)
  const node: GraphNode =
    work.kind === 'source' ? { id, uid, name, ...work } : { id, uid, name, ...work, inputs: edges }
  // Finding the place costs something, and only messages ask for it.
  return Object.defineProperty(node, 'at', { get: () => site.at, enumerable: true })
}

function graphEdge({ port: { from, tag, partitioning }, input }: PortInput): GraphEdge {
  return { from: from.id, input, partitioning, ...(tag === undefined ? {} : { tag }) }
}
