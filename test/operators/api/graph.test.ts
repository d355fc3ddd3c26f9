import { describe, expect, it } from 'vitest'
import { defineJob } from '../../../operators/api/define-job.js'
import { BuiltEnvironment, type StreamEnvironment } from '../../../operators/api/environment.js'
import { outputTag } from '../../../operators/api/output-tag.js'
import type { Stream } from '../../../operators/api/streams.js'
import { boundedOutOfOrderness } from '../../../operators/api/watermarks.js'
import { value } from '../../../operators/process/state-declaration.js'
import { count } from '../../../operators/windows/aggregators.js'
import { session, tumbling } from '../../../operators/windows/assigner.js'
import type { JobGraph } from '../../../runtime/contract/graph.js'
import { unreadSource, unwrittenSink } from '../graphs.js'

function built(make: (numbers: Stream<number>, env: StreamEnvironment) => void): JobGraph {
  const env = new BuiltEnvironment()
  make(env.fromSource(unreadSource<number>(), { uid: 'numbers' }), env)
  return env.build()
}

function sink(stream: Stream<unknown>, uid = 'sink'): void {
  stream.sinkTo(unwrittenSink(), { uid })
}

const isOdd = (n: number): boolean => n % 2 === 1
const parity = (n: number): string => (isOdd(n) ? 'odd' : 'even')

/** The error that building gives: its code, message and, always, the line of this file. */
function refusal(make: (numbers: Stream<number>, env: StreamEnvironment) => void): string {
  try {
    built(make)
  } catch (error) {
    const { code, message, at } = error as { code?: string; message: string; at?: string }
    expect(at, message).toMatch(/test\/operators\/api\/graph\.test\.ts:\d+:\d+$/)
    return `${code} ${message}`
  }
  throw new Error('it was not refused')
}

describe('a graph', () => {
  it('goes on behind a sink with what it rejects', () => {
    const { nodes } = built((numbers) => {
      const { rejected } = numbers.sinkTo(unwrittenSink<number>(), { uid: 'out' })
      sink(
        rejected.map(({ value, reason }) => `${value.toFixed()}: ${reason}`),
        'rejected',
      )
      const keyed = numbers.keyBy(parity).sinkTo(unwrittenSink<number>(), { uid: 'keyed' })
      sink(keyed.rejected, 'keyed-rejected')
    })
    const edges = nodes.flatMap((node) =>
      node.kind === 'source' ? [] : node.inputs.map(({ from, tag }) => [node.uid, nodes[from]!.uid, tag]),
    )
    expect(edges).toEqual([
      ['out', 'numbers', undefined],
      ['map-2', 'out', 'rejected'],
      ['rejected', 'map-2', undefined],
      ['keyed', 'numbers', undefined],
      ['keyed-rejected', 'keyed', 'rejected'],
    ])
  })

  it('has a node for each source, operator and sink, each behind what feeds it', () => {
    const { nodes } = built((numbers) => {
      const counts = numbers
        .map((n) => n + 1)
        .filter(isOdd)
        .keyBy(parity)
        .window(tumbling('1m'))
        .aggregate(count())
        .uid('counts')
        .name('odd and even')
      sink(counts, 'out')
      sink(counts.late, 'late')
    })
    expect(nodes.map(({ id, uid, kind, name }) => [id, uid, kind, name])).toEqual([
      [0, 'numbers', 'source', 'unread'],
      [1, 'map-1', 'operator', 'map'],
      [2, 'filter-2', 'operator', 'filter'],
      [3, 'counts', 'operator', 'odd and even'],
      [4, 'out', 'sink', 'unwritten'],
      [5, 'late', 'sink', 'unwritten'],
    ])
    const inputs = nodes.map((node) =>
      node.kind === 'source' ? [] : node.inputs.map(({ from, tag, partitioning }) => [from, tag, partitioning.kind]),
    )
    expect(inputs).toEqual([
      [],
      [[0, undefined, 'forward']],
      [[1, undefined, 'forward']],
      [[2, undefined, 'hash']],
      [[3, undefined, 'forward']],
      [[3, 'late', 'forward']],
    ])
    expect(nodes[3]).toMatchObject({ keyed: true, states: [{ name: 'panes', kind: 'panes' }] })
  })

  it('knows where each was written, when asked', () => {
    const { nodes } = built((numbers) => sink(numbers.map(parity)))
    expect(nodes[1]!.at).toMatch(/graph\.test\.ts:\d+:\d+$/)
  })

  it('makes edges of unions, connections and partitionings', () => {
    const { nodes } = built((numbers, env) => {
      const others = env.fromSource(unreadSource<string>(), { uid: 'others' })
      const both = numbers.rebalance().union(others.broadcast())
      sink(both, 'both')
      sink(
        both.keyBy(String).map((x) => x),
        'mapped',
      )
      sink(
        numbers
          .keyBy(String)
          .connect(others.keyBy((text) => text))
          .process(
            { state: { n: value<number>() }, onElement1: () => undefined, onElement2: () => undefined },
            { uid: 'c' },
          ),
        'c-out',
      )
    })
    const edges = new Map(
      nodes.map((node) => [
        node.uid,
        node.kind === 'source'
          ? []
          : node.inputs.map(({ from, input, partitioning }) => [from, input, partitioning.kind]),
      ]),
    )
    expect(edges.get('both')).toEqual([
      [0, 0, 'rebalance'],
      [1, 0, 'broadcast'],
    ])
    expect(edges.get('map-3')).toEqual([
      [0, 0, 'hash'],
      [1, 0, 'hash'],
    ])
    expect(nodes[3]).toMatchObject({ keyed: false })
    expect(edges.get('c')).toEqual([
      [0, 0, 'hash'],
      [1, 1, 'hash'],
    ])
  })

  it('makes a new operator each time', () => {
    const { nodes } = built((numbers) => sink(numbers.map(parity)))
    const node = nodes[1]!
    if (node.kind !== 'operator') throw new Error('no operator')
    expect(node.create()).not.toBe(node.create())
  })

  it('does not generate a uid that the user has given', () => {
    const { nodes } = built((numbers) => {
      sink(
        numbers
          .map(parity)
          .uid('map-2')
          .map((text) => text),
      )
    })
    expect(new Set(nodes.map(({ uid }) => uid)).size).toBe(nodes.length)
  })

  it('hands the timestamp function and the watermark strategy to its source', () => {
    const env = new BuiltEnvironment()
    const timestamp = (n: number): number => n
    const watermarks = boundedOutOfOrderness('5s').withIdleness('1m').withAlignment('30s')
    sink(env.fromSource(unreadSource<number>(), { uid: 's', timestamp, watermarks }))
    expect(env.build().nodes[0]).toMatchObject({
      watermarks: {
        timestamp,
        generator: { kind: 'bounded', outOfOrdernessMs: 5_000 },
        idlenessMs: 60_000,
        maxDriftMs: 30_000,
      },
    })
    const plain = new BuiltEnvironment()
    sink(plain.fromSource(unreadSource<number>(), { uid: 's' }))
    expect(plain.build().nodes[0]).toMatchObject({ watermarks: { generator: { kind: 'none' } } })
  })
})

describe('a graph is refused', () => {
  it.each<[string, (numbers: Stream<number>, env: StreamEnvironment) => void, RegExp]>([
    [
      'without a uid on a stateful operator',
      (numbers) => sink(numbers.keyBy(parity).window(tumbling(1)).aggregate(count())),
      /the tumbling window has no uid/,
    ],
    [
      'without a uid on a keyed process',
      (numbers) => sink(numbers.keyBy(parity).process({ onElement: () => undefined })),
      /the keyed process has no uid/,
    ],
    [
      'without a uid on a sink',
      (numbers) => numbers.sinkTo(unwrittenSink(), {} as never),
      /the sink unwritten has no uid/,
    ],
    [
      'without options on a sink',
      (numbers) => numbers.sinkTo(unwrittenSink(), undefined as never),
      /the sink unwritten has no uid/,
    ],
    [
      'without a uid on a source',
      (_, env) => sink(env.fromSource(unreadSource<number>(), {} as never)),
      /the source unread has no uid/,
    ],
    [
      'without options on a source',
      (_, env) => sink(env.fromSource(unreadSource<number>(), undefined as never)),
      /the source unread has no uid/,
    ],
    [
      'with a uid twice',
      (numbers) => {
        sink(numbers, 'twice')
        sink(numbers, 'twice')
      },
      /uid "twice" of the sink is also that of the sink at .*graph\.test\.ts/,
    ],
    ['with a uid that could not be part of a file name', (numbers) => sink(numbers, 'a/b'), /"a\/b" cannot be the uid/],
    [
      'with a window on a stream that is not keyed',
      (numbers) => {
        ;(numbers as unknown as { window(w: unknown): void }).window(tumbling(1))
      },
      /window\(\) on a stream that is not keyed/,
    ],
    [
      'with windows that are none',
      (numbers) => {
        numbers.keyBy(parity).window('1m' as never)
      },
      /says no windows/,
    ],
    [
      'with a session aggregator that cannot merge',
      (numbers) => {
        numbers
          .keyBy(parity)
          .window(session(1))
          .aggregate({ create: () => 0, add: (n: number) => n, result: (n: number) => n } as never)
      },
      /has no merge/,
    ],
    [
      'with a stream of another job',
      (numbers) => {
        numbers.union(new BuiltEnvironment().fromSource(unreadSource<number>(), { uid: 'x' }))
      },
      /union\(\) is a stream of another job/,
    ],
    [
      'with something that is no stream',
      (numbers) => {
        numbers.connect(5 as never)
      },
      /connect\(\) is no stream/,
    ],
    [
      'with a keyed stream where another belongs',
      (numbers) => {
        numbers.union(numbers.keyBy(parity) as never)
      },
      /union\(\) is no stream/,
    ],
    [
      'with something that is no function',
      (numbers) => {
        numbers.map(5 as never)
      },
      /argument of map\(\) must be a function, not number/,
    ],
    [
      'with an async map',
      (numbers) => {
        numbers.map(async (n) => n)
      },
      /argument of map\(\) must not be async/,
    ],
    [
      'with an async filter',
      (numbers) => {
        numbers.filter((async () => true) as never)
      },
      /argument of filter\(\) must not be async/,
    ],
    [
      'with an async process function',
      (numbers) => {
        numbers.keyBy(parity).process({ onElement: (async () => undefined) as never })
      },
      /onElement of process\(\) must not be async/,
    ],
    [
      'with an async aggregator',
      (numbers) => {
        numbers
          .keyBy(parity)
          .window(tumbling(1))
          .aggregate({ create: () => 0, add: (async () => 0) as never, result: (n) => n })
      },
      /add of the aggregator of aggregate\(\) must not be async/,
    ],
    [
      'with a generator whose body would never run',
      (numbers) => {
        numbers.map(function* () {
          yield 1
        })
      },
      /must not be a generator/,
    ],
    [
      'with two timestamp functions',
      (_, env) => {
        env.fromSource(unreadSource<number>(), {
          uid: 's',
          timestamp: (n) => n,
          watermarks: boundedOutOfOrderness(0, (n: number) => n),
        })
      },
      /two timestamp functions/,
    ],
    ['with a sink that is none', (numbers) => numbers.sinkTo({} as never, { uid: 's' }), /is no sink/],
    [
      'with a source that is none',
      (_, env) => {
        env.fromSource({} as never, { uid: 's' })
      },
      /is no source/,
    ],
    [
      'with a uid on a union',
      (numbers) => {
        ;(numbers.union(numbers) as unknown as { uid(uid: string): void }).uid('u')
      },
      /uid\(\) of a stream that no operator of its own makes/,
    ],
  ])('%s', (_, make, message) => {
    const text = refusal(make)
    expect(text).toMatch(message)
    expect(text).toMatch(/^MILLRACE_GRAPH /)
  })

  it('without a sink', () => {
    expect(() => built((numbers) => void numbers.map(parity))).toThrow(/has no sink/)
  })

  it('when it is added to after it was built', () => {
    let kept: Stream<number> | undefined
    built((numbers) => {
      kept = numbers
      sink(numbers)
    })
    expect(() => kept!.map(parity)).toThrow(/after the job was built/)
  })

  it('when the build function is async', () => {
    const job = defineJob({ name: 'slow', build: (async () => undefined) as never })
    expect(() => job.build({})).toThrow(/build function of job slow is async/)
  })

  it('when a side output is asked of a side output', () => {
    const tag = outputTag<number>('tag')
    expect(
      refusal((numbers) => {
        const side = numbers.map(isOdd).sideOutput(tag) as unknown as { sideOutput(t: unknown): void }
        side.sideOutput(tag)
      }),
    ).toMatch(/a side output of a stream/)
  })
})
