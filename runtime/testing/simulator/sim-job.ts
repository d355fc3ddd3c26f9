import type { GraphNode, JobDefinition, OperatorNode } from '../../contract/graph.js'
import type { Operator } from '../../contract/operator.js'

import { countedSource } from './counted-source.js'
import type { JobSurroundings } from './job-surroundings.js'
import { simSink } from './outputs.js'
import { simSource } from './sim-source.js'

type AnyOperator = Operator<unknown, unknown, unknown>

/** The same job with simulated sinks, sources behind simulated I/O and watched operators. */
export function simJob(job: JobDefinition, around: JobSurroundings): JobDefinition {
  return { ...job, build: (params) => ({ nodes: job.build(params).nodes.map((node) => simNode(node, around)) }) }
}

function simNode(node: GraphNode, around: JobSurroundings): GraphNode {
  switch (node.kind) {
    case 'source': {
      const source = countedSource(node.source, around.limitOf)
      return { ...node, source: simSource(source, around) }
    }
    case 'sink':
      return { ...node, sink: simSink(node.sink, around) }
    case 'operator':
      return { ...node, create: () => watched(node, around) }
  }
}

/** An operator that fails now and then, and whose watermarks and barriers must come in order. */
function watched(node: OperatorNode, around: JobSurroundings): AnyOperator {
  const operator = node.create() as unknown as AnyOperator
  const process = operator.processElement.bind(operator)
  operator.processElement = (value, timestamp) => {
    around.functionMayFail()
    process(value, timestamp)
  }
  watchWatermarks(node.uid, operator, around)
  watchBarriers(node.uid, operator, around)
  return operator
}

function watchWatermarks(uid: string, operator: AnyOperator, { violate }: JobSurroundings): void {
  const processWatermark = operator.processWatermark?.bind(operator)
  let last = -Infinity
  operator.processWatermark = (watermark) => {
    if (watermark < last) violate(`the watermark of "${uid}" falls from ${last} to ${watermark}`)
    last = watermark
    processWatermark?.(watermark)
  }
}

function watchBarriers(uid: string, operator: AnyOperator, { violate }: JobSurroundings): void {
  const snapshotState = operator.snapshotState?.bind(operator)
  const checkpointComplete = operator.checkpointComplete?.bind(operator)
  let last = 0
  let completed = 0
  operator.snapshotState = (checkpointId) => {
    if (checkpointId <= last) violate(`barrier ${checkpointId} reaches "${uid}" after barrier ${last}`)
    last = checkpointId
    snapshotState?.(checkpointId)
  }
  operator.checkpointComplete = (checkpointId) => {
    if (checkpointId <= completed || checkpointId > last) {
      violate(`"${uid}" hears that checkpoint ${checkpointId} is complete: the last barrier was ${last}`)
    }
    completed = checkpointId
    checkpointComplete?.(checkpointId)
  }
}
