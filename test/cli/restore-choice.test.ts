import { describe, expect, it } from 'vitest'
import type { CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import type { GraphNode, JobGraph } from '../../runtime/contract/graph.js'
import type { OperatorStateDescriptor, StateDescriptor, StateSchema } from '../../runtime/contract/state.js'
import {
  chooseRestore,
  refuseDuplicateOutput,
  withoutOtherOutput,
  type RestoreRequest,
} from '../../runtime/cli/restore-choice.js'
import { draft, segmentRef, withOperatorState } from '../checkpoint/manifests.js'

const total: StateDescriptor = { name: 'total', kind: 'value', fingerprint: '' }
const schema: StateSchema = { name: 'total', kind: 'value', codec: 'value', version: 1, fingerprint: '' }

function graphOf(
  places: { input?: string; output?: string; states?: readonly StateDescriptor[]; without?: string } = {},
): JobGraph {
  const nodes = [
    { kind: 'source', uid: 'in', source: { describe: places.input ?? 'file:/in' } },
    { kind: 'operator', uid: 'sum', states: places.states ?? [total] },
    { kind: 'sink', uid: 'out', sink: { describe: places.output ?? 'file:/out' } },
  ]
  return { nodes: nodes.filter((node) => node.uid !== places.without) as unknown as GraphNode[] }
}

function checkpoint(fields: Partial<CheckpointManifest> = {}): CheckpointManifest {
  return {
    ...draft({
      jobName: 'sums',
      maxParallelism: 128,
      plan: {
        hash: 'h',
        operators: [
          { uid: 'in', kind: 'source', states: [] },
          { uid: 'sum', kind: 'operator', states: [schema] },
          { uid: 'out', kind: 'sink', states: [] },
        ],
      },
      sources: { in: { enumerator: null, fingerprint: 'file:/in', splits: [], finishedSubtasks: [] } },
      operators: { sum: { watermarks: [0], finishedSubtasks: [], segments: [segmentRef(1, 1)] } },
      sinks: { out: { output: 'file:/out', writerStates: [], committables: [] } },
      counters: { out: { numRecordsOut: 10 } },
    }),
    format: 1,
    kind: 'checkpoint',
    position: 2,
    epoch: 1,
    jobId: 'sums',
    ...fields,
  }
}

function request(fields: Partial<RestoreRequest> = {}): RestoreRequest {
  return {
    mode: { kind: 'latest' },
    jobName: 'sums',
    graph: graphOf(),
    maxParallelism: undefined,
    allowNonRestoredState: false,
    ...fields,
  }
}

function refusalOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    expect(error).toMatchObject({ code: 'MILLRACE_RESTORE', hint: expect.any(String) })
    return (error as Error).message
  }
  throw new Error('it was not refused')
}

const pending = { out: { output: 'file:/out', writerStates: [], committables: ['part'] } }

describe('what a run goes on from', () => {
  it('a new job starts afresh', () => {
    expect(chooseRestore(request(), undefined)).toBeUndefined()
  })

  it('a job that did not finish goes on, whether it was suspended or killed', () => {
    for (const suspended of [true, false]) {
      const latest = checkpoint({ suspended })
      expect(chooseRestore(request(), latest)).toBe(latest)
    }
  })

  it('a job that finished starts afresh, with other inputs and outputs too', () => {
    const latest = checkpoint({ final: true })
    expect(
      chooseRestore(request({ graph: graphOf({ input: 'file:/b', output: 'file:/c' }), maxParallelism: 64 }), latest),
    ).toBeUndefined()
  })

  it('a job whose process was killed before it could say that it had finished is not run again', () => {
    const latest = checkpoint({ final: true })
    expect(chooseRestore(request({ unreported: true }), latest)).toBe(latest)
    expect(chooseRestore(request({ unreported: true, graph: graphOf({ input: 'file:/b' }) }), latest)).toBeUndefined()
  })

  it('a job that finished but did not publish everything goes on', () => {
    const latest = checkpoint({ final: true, sinks: pending })
    expect(chooseRestore(request(), latest)).toBe(latest)
  })

  it('--restore none starts afresh whatever is there', () => {
    expect(chooseRestore(request({ mode: { kind: 'none' }, jobName: 'other' }), checkpoint())).toBeUndefined()
  })

  it('--restore PATH takes that checkpoint, not the latest', () => {
    const named = checkpoint({ position: 1 })
    expect(chooseRestore(request({ mode: { kind: 'path', checkpoint: named } }), checkpoint())).toBe(named)
  })

  it('the maximum parallelism may be given again as it is', () => {
    expect(chooseRestore(request({ maxParallelism: 128 }), checkpoint())).toBeDefined()
  })
})

describe('what is refused', () => {
  it.each<[string, Partial<RestoreRequest>, Partial<CheckpointManifest>, RegExp]>([
    ['a checkpoint of another job', { jobName: 'other' }, {}, /one of job "sums", this is job "other"/],
    [
      'one of another job that finished',
      { jobName: 'other' },
      { final: true },
      /one of job "sums", this is job "other"/,
    ],
    [
      'another maximum parallelism',
      { maxParallelism: 64 },
      {},
      /--max-parallelism 64 differs from the checkpoint's 128/,
    ],
    [
      'another input',
      { graph: graphOf({ input: 'file:/b' }) },
      {},
      /source "in" reads file:\/b; in the checkpoint it reads file:\/in/,
    ],
    [
      'another output',
      { graph: graphOf({ output: 'file:/b' }) },
      {},
      /sink "out" writes to file:\/b; .* writes to file:\/out/,
    ],
    [
      'a source that is gone',
      { graph: graphOf({ without: 'in' }) },
      {},
      /no source of the job has the uid "in", whose position/,
    ],
    [
      'a sink that is gone',
      { graph: graphOf({ without: 'out' }) },
      {},
      /no sink of the job has the uid "out", whose output/,
    ],
    [
      'an operator that is gone',
      { graph: graphOf({ without: 'sum' }) },
      {},
      /no operator of the job has the uid "sum", whose state/,
    ],
    [
      'a state that is gone',
      { graph: graphOf({ states: [] }) },
      {},
      /operator "sum" no longer declares the state "total"/,
    ],
    [
      'a state of another kind',
      { graph: graphOf({ states: [{ ...total, kind: 'list' }] }) },
      {},
      /is list state; in the checkpoint it is value state/,
    ],
    [
      'a state that means something else',
      { graph: graphOf({ states: [{ ...total, fingerprint: 'v2' }] }) },
      {},
      /state "total" of operator "sum" is v2/,
    ],
  ])('%s', (_, asked, found, message) => {
    expect(refusalOf(() => chooseRestore(request(asked), checkpoint(found)))).toMatch(message)
  })

  it('a uid that was another kind of operator', () => {
    const graph: JobGraph = {
      nodes: graphOf().nodes.map((node) =>
        node.uid === 'sum' ? ({ ...node, kind: 'sink', sink: { describe: '' } } as unknown as GraphNode) : node,
      ),
    }
    expect(refusalOf(() => chooseRestore(request({ graph }), checkpoint()))).toMatch(
      /"sum" is now the uid of: sink; in the checkpoint of: operator/,
    )
  })

  it('dropped state is allowed on request, changed state never', () => {
    const allow = { allowNonRestoredState: true }
    for (const graph of [graphOf({ without: 'sum' }), graphOf({ states: [] }), graphOf({ without: 'out' })]) {
      expect(chooseRestore(request({ ...allow, graph }), checkpoint())).toBeDefined()
    }
    const graph = graphOf({ states: [{ ...total, fingerprint: 'v2' }] })
    expect(refusalOf(() => chooseRestore(request({ ...allow, graph }), checkpoint()))).toMatch(/is v2/)
  })

  it('operator state must be declared as it was, if there is any in the checkpoint', () => {
    const { operators } = withOperatorState('segments/x')
    const sum = { ...checkpoint().operators['sum']!, ...operators!['averages']! }
    const held = checkpoint({ operators: { sum: { ...sum, segments: [] } } })
    const declaring = (...operatorStates: readonly OperatorStateDescriptor[]): JobGraph => {
      const nodes = graphOf().nodes.map((node) => (node.uid === 'sum' ? { ...node, operatorStates } : node))
      return { nodes: nodes as GraphNode[] }
    }
    const list = { name: 'list', mode: 'split', fingerprint: 'v1' } as const
    expect(chooseRestore(request({ graph: declaring(list) }), held)).toBe(held)
    expect(refusalOf(() => chooseRestore(request({ graph: declaring() }), held))).toMatch(
      /"sum" no longer declares the state "list"/,
    )
    expect(chooseRestore(request({ graph: declaring(), allowNonRestoredState: true }), held)).toBe(held)
    for (const [changed, is] of [
      [{ ...list, fingerprint: 'v2' }, /"list" of operator "sum" is v2; in the checkpoint it is v1/],
      [{ ...list, mode: 'union' }, /is union state; in the checkpoint it is split state/],
    ] as const) {
      const graph = declaring(changed)
      expect(refusalOf(() => chooseRestore(request({ graph, allowNonRestoredState: true }), held))).toMatch(is)
    }
    expect(refusalOf(() => chooseRestore(request({ graph: graphOf({ without: 'sum' }) }), held))).toMatch(/whose state/)
    const empty = { ...sum.operatorState!['list']!, parts: [] }
    const none = checkpoint({ operators: { sum: { ...sum, operatorState: { list: empty } } } })
    expect(chooseRestore(request({ graph: declaring() }), none)).toBe(none)
  })

  it('an operator without state may come and go', () => {
    const plan = {
      hash: 'h',
      operators: [...checkpoint().plan.operators, { uid: 'map-3', kind: 'operator', states: [] }],
    }
    const operators = {
      ...checkpoint().operators,
      'map-3': { watermarks: [0], finishedSubtasks: [], segments: [] },
    }
    expect(chooseRestore(request(), checkpoint({ plan, operators }))).toBeDefined()
  })

  it('--restore PATH may have other inputs and outputs, but not another job or state', () => {
    const mode = { kind: 'path' as const, checkpoint: checkpoint() }
    expect(chooseRestore(request({ mode, graph: graphOf({ input: 'file:/b', output: 'file:/c' }) }), undefined)).toBe(
      mode.checkpoint,
    )
    expect(refusalOf(() => chooseRestore(request({ mode, jobName: 'other' }), undefined))).toMatch(/job "sums"/)
    expect(refusalOf(() => chooseRestore(request({ mode, graph: graphOf({ states: [] }) }), undefined))).toMatch(
      /"total"/,
    )
  })
})

describe('going back to an older checkpoint', () => {
  const older = checkpoint({ checkpointId: 3 })
  const later = (written: number, output = 'file:/out'): CheckpointManifest =>
    checkpoint({
      checkpointId: 5,
      counters: { out: { numRecordsOut: written } },
      sinks: { out: { output, writerStates: [], committables: [] } },
    })

  it('is refused when a later one has published more to the same place', () => {
    expect(refusalOf(() => refuseDuplicateOutput(older, [later(14)], graphOf()))).toMatch(
      /checkpoint 3 is older than 5, which has published 4 more to sink "out" \(file:\/out\)/,
    )
  })

  it('is fine when nothing was published since, or elsewhere, or the job now writes elsewhere', () => {
    refuseDuplicateOutput(older, [later(10)], graphOf())
    refuseDuplicateOutput(older, [later(14, 'file:/other')], graphOf())
    refuseDuplicateOutput(older, [later(14)], graphOf({ output: 'file:/new' }))
    refuseDuplicateOutput(checkpoint({ checkpointId: 5 }), [later(14)], graphOf())
  })
})

it('what was prepared for another place is left to the job that made it; for the same place it is kept', () => {
  const found = checkpoint({ sinks: pending })
  expect(withoutOtherOutput(found, graphOf())).toEqual({ checkpoint: found, notes: [] })
  const elsewhere = withoutOtherOutput(found, graphOf({ output: 'file:/new' }))
  expect(elsewhere.checkpoint.sinks).toEqual({ out: { output: 'file:/new', writerStates: [], committables: [] } })
  expect(elsewhere.notes).toEqual([expect.stringContaining('file:/out is published only by the job that made it')])
})
