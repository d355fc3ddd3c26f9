import type { GraphNode, JobGraph } from '../contract/graph.js'
import type { Sink } from '../contract/sink.js'
import type { Source } from '../contract/source.js'
import type { Redactor } from './redactor.js'

/**
 * The graph, its places described without secrets: the descriptions of sources and sinks go into checkpoints and messages. Where two
 * places differ in a secret alone they count as the same.
 */
export function withRedactedPlaces(graph: JobGraph, redactor: Redactor): JobGraph {
  return { ...graph, nodes: graph.nodes.map((node) => redacted(node, redactor)) }
}

function redacted(node: GraphNode, redactor: Redactor): GraphNode {
  if (node.kind === 'operator') return node
  const place = node.kind === 'source' ? node.source : node.sink
  const describe = redactor.text(place.describe)
  if (describe === place.describe) return node
  if (node.kind === 'source') return { ...node, source: describedSource(node.source, describe) }
  return { ...node, sink: describedSink(node.sink, describe) }
}

function describedSource<Raw>(source: Source<Raw>, describe: string): Source<Raw> {
  return {
    name: source.name,
    bounded: source.bounded,
    describe,
    ...(source.successors === undefined ? {} : { successors: source.successors }),
    ...(source.check === undefined ? {} : { check: (ctx) => source.check!(ctx) }),
    createEnumerator: (ctx) => source.createEnumerator(ctx),
    createReader: (ctx) => source.createReader(ctx),
  }
}

function describedSink<In>(sink: Sink<In>, describe: string): Sink<In> {
  return {
    name: sink.name,
    guarantee: sink.guarantee,
    describe,
    ...(sink.check === undefined ? {} : { check: (ctx) => sink.check!(ctx) }),
    createWriter: (ctx) => sink.createWriter(ctx),
    ...(sink.createCommitter === undefined ? {} : { createCommitter: (ctx) => sink.createCommitter!(ctx) }),
  }
}
