import type { GraphNode, JobDefinition, OperatorNode, SourceNode } from '../contract/graph.js'
import type { Operator, OperatorContext } from '../contract/operator.js'
import type { Output } from '../contract/output.js'
import type { Decoder } from '../contract/source.js'
import { deepFreeze } from './deep-freeze.js'
import { frozenOperatorState, frozenState } from './frozen-state.js'

type AnyOperator = Operator<unknown, unknown, unknown>

/** The same job, but every record that a source or operator emits, and every value that is stored, is frozen. */
export function frozenJob(job: JobDefinition): JobDefinition {
  return { ...job, build: (params) => ({ nodes: job.build(params).nodes.map(frozenNode) }) }
}

function frozenNode(node: GraphNode): GraphNode {
  if (node.kind === 'operator') return { ...node, create: () => frozenOperator(node) }
  return node.kind === 'source' ? frozenSource(node) : node
}

/** An operator of the node whose outputs and states freeze what goes through them. */
export function frozenOperator(node: OperatorNode): AnyOperator {
  const operator = node.create() as unknown as AnyOperator
  const open = operator.open?.bind(operator)
  if (open !== undefined) operator.open = (context) => open(frozenContext(context))
  return operator
}

function frozenContext(context: OperatorContext<unknown>): OperatorContext<unknown> {
  const frozen = Object.create(context) as {
    -readonly [K in keyof OperatorContext<unknown>]: OperatorContext<unknown>[K]
  }
  const define = (name: string, get: () => unknown): void => void Object.defineProperty(frozen, name, { get })
  const output = frozenOutput(context.output)
  define('output', () => output)
  define('state', () => frozenState(context.state))
  define('operatorState', () => frozenOperatorState(context.operatorState))
  define('sideOutput', () => (tag: string) => frozenOutput(context.sideOutput(tag)))
  return frozen
}

function frozenOutput<T>(output: Output<T>): Output<T> {
  return { emit: (value, timestamp) => output.emit(deepFreeze(value), timestamp) }
}

function frozenSource(node: SourceNode): SourceNode {
  if (node.decoder === undefined) return node
  const decoder = node.decoder as unknown as Decoder<unknown, unknown>
  return {
    ...node,
    decoder: {
      decode: (raw: unknown, out) =>
        decoder.decode(raw, { emit: (value) => out.emit(deepFreeze(value)), invalid: (reason) => out.invalid(reason) }),
    },
  }
}
