// Window joins and co-groups against an oracle of plain loops, over pairs of random streams.
import { describe, expect, it } from 'vitest'
import { session, sliding, tumbling, type WindowAssigner } from '../../../operators/windows/assigner.js'
import { windowArrivals, type Arrival } from '../../oracles/arrivals.js'
import { pairs, splitSides, type Sided } from '../../oracles/joins.js'
import { keyText, type OracleKey } from '../../oracles/keys.js'
import { randomSource } from '../../oracles/random-source.js'
import { randomStream, type RandomValue } from '../../oracles/random-stream.js'
import type { KeyedRecord, Windowing } from '../../oracles/windows.js'
import { graphOfTwo } from '../graphs.js'
import { OperatorHarness } from '../harness.js'

type Rec = KeyedRecord<OracleKey, RandomValue>
type SidedArrival = Arrival<OracleKey, Sided<RandomValue, RandomValue>>

/** A random stream dealt out to two sides; the watermark is the operator's, the minimum over both. */
function sidedArrivals(seed: number): { edgeMs: number; arrivals: SidedArrival[] } {
  const { options, arrivals } = randomStream(seed)
  const random = randomSource(seed + 2_000_000)
  const leftShare = random.pick([0, 0.1, 0.5, 1])
  const sided = arrivals.map((arrival): SidedArrival => {
    if (arrival.kind === 'watermark') return arrival
    const side = random.chance(leftShare) ? 'left' : 'right'
    return { kind: 'record', record: { ...arrival.record, value: { side, value: arrival.record.value } } }
  })
  return { edgeMs: options.edgeMs, arrivals: sided }
}

function assignersOf(edgeMs: number): [Windowing, WindowAssigner][] {
  const slideMs = Math.ceil(edgeMs / 2)
  return [
    [{ kind: 'tumbling', sizeMs: edgeMs }, tumbling(edgeMs)],
    [{ kind: 'sliding', sizeMs: edgeMs, slideMs }, sliding(edgeMs, slideMs)],
    [{ kind: 'session', gapMs: edgeMs }, session(edgeMs)],
  ]
}

function run(harness: OperatorHarness, arrivals: readonly SidedArrival[]): string[] {
  const lines: string[] = []
  for (const [at, arrival] of arrivals.entries()) {
    const before = harness.main.length
    if (arrival.kind === 'watermark') harness.advance(arrival.time)
    else {
      const { key, time, value } = arrival.record
      harness.push({ key, time, value: value.value }, time, value.side === 'left' ? 0 : 1)
    }
    for (const { value, timestamp } of harness.main.slice(before)) lines.push(`${at} ${String(value)} ${timestamp}`)
  }
  return lines.sort()
}

const ids = (values: Iterable<RandomValue>): string =>
  [...values]
    .map(({ id }) => id)
    .sort((a, b) => a - b)
    .join(',')
const keyOf = ({ key }: Rec): OracleKey => key
const short = (key: OracleKey): string => keyText(key).slice(0, 40)

describe('two streams in windows', () => {
  it('join as plain loops do', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { edgeMs, arrivals } = sidedArrivals(seed)
      for (const [windowing, assigner] of assignersOf(edgeMs)) {
        const lateness = seed % 3 === 0 ? edgeMs : 0
        const graph = graphOfTwo<Rec, Rec>((left, right) =>
          left
            .join(right)
            .where(keyOf)
            .equalTo(keyOf)
            .window(assigner)
            .allowedLateness(lateness)
            .apply((l, r, key, { start, end }) => `${short(key)} [${start},${end}) ${l.value.id}-${r.value.id}`)
            .uid('join'),
        )
        const harness = new OperatorHarness(graph, 'join', { state: seed % 2 === 0 ? 'copy' : 'share' })
        const expected = windowArrivals(arrivals, windowing, lateness)
        const lines = expected.firings.flatMap((firing) =>
          pairs(splitSides(firing)).map(
            ({ key, start, end, left, right }) =>
              `${firing.at} ${short(key)} [${start},${end}) ${left.id}-${right.id} ${end - 1}`,
          ),
        )
        expect(run(harness, arrivals), `seed ${seed} ${windowing.kind}`).toEqual(lines.sort())
        expect(harness.counters.get('numLateRecordsDropped') ?? 0).toBe(expected.late.length)
        expect(harness.keysWithState()).toBe(0)
      }
    }
  })

  it('co-group as plain loops do', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { edgeMs, arrivals } = sidedArrivals(seed)
      for (const [windowing, assigner] of assignersOf(edgeMs)) {
        const lateness = seed % 3 === 0 ? edgeMs : 0
        const graph = graphOfTwo<Rec, Rec>((left, right) =>
          left
            .coGroup(right)
            .where(keyOf)
            .equalTo(keyOf)
            .window(assigner)
            .allowedLateness(lateness)
            .apply<string>((l, r, out, key, { start, end }) => {
              const text = [l, r].map((side) => ids([...side].map(({ value }) => value))).join('|')
              out.emit(`${short(key)} [${start},${end}) ${text}`)
            })
            .uid('coGroup'),
        )
        const harness = new OperatorHarness(graph, 'coGroup', { state: seed % 2 === 0 ? 'copy' : 'share' })
        const expected = windowArrivals(arrivals, windowing, lateness)
        const lines = expected.firings.map((firing) => {
          const { key, start, end, left, right } = splitSides(firing)
          return `${firing.at} ${short(key)} [${start},${end}) ${ids(left)}|${ids(right)} ${end - 1}`
        })
        expect(run(harness, arrivals), `seed ${seed} ${windowing.kind}`).toEqual(lines.sort())
        expect(harness.changedRecords()).toEqual([])
      }
    }
  })
})
