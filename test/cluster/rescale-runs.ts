// A job with state of every kind, run at one parallelism after another, and what it must write whatever they are.
import type { JsonValue } from '../../runtime/contract/json.js'
import type { Sink } from '../../runtime/contract/sink.js'
import type { Clock } from '../../runtime/contract/time.js'
import {
  aggregating,
  boundedOutOfOrderness,
  count,
  defineJob,
  list,
  map,
  outputTag,
  reducing,
  tumbling,
  unionList,
  value,
  type JobDefinition,
} from '../../operators/index.js'
import { controlledSource, type ControlledSource } from '../../runtime/testing/index.js'
import { systemClock } from '../../runtime/worker/system-clock.js'

export interface Item {
  readonly id: number
  readonly key: string
  readonly time: number
}

export interface Rule {
  readonly id: number
  readonly time: number
  /** Undefined: the rule goes. */
  readonly text: string | undefined
}

export const SPLITS = 5
const KEYS = 23
const WINDOW = 100
/** Fires at the end of time only. */
const END = 1e12
/** Far off, until the clock jumps. */
const LATER = Date.now() + 3_600_000

/** All that is written, once it is published; each line says what wrote it. */
export interface Lines {
  readonly sink: (name: string) => Sink<string>
  readonly all: readonly string[]
}

/** Its writers keep the newest line back, in their state; what they prepare is published once. */
export function linesWithStates(): Lines {
  const all: string[] = []
  const published = new Set<string>()
  const sink = (name: string): Sink<string> => ({
    name: 'lines',
    guarantee: 'exactly-once',
    describe: `lines:${name}`,
    createWriter: ({ attempt, epoch, subtask }) => {
      let held: string[] = []
      let ended = false
      let batches = 0
      return {
        write: (line) => void held.push(`${name} ${line}`),
        flush: () => undefined,
        prepareCommit: () => {
          const ready = ended ? held.splice(0) : held.splice(0, held.length - 1)
          return ready.length === 0 ? [] : [{ id: `${name}-${epoch}-${attempt}-${subtask}-${batches++}`, lines: ready }]
        },
        snapshotState: () => [...held],
        restoreState: (states) => void (held = states.map(String)),
        finish: () => void (ended = true),
      }
    },
    createCommitter: () => ({
      commit: (committables: readonly JsonValue[]) => {
        for (const one of committables as readonly { readonly id: string; readonly lines: readonly string[] }[]) {
          if (!published.has(one.id)) all.push(...one.lines)
          published.add(one.id)
        }
        return Promise.resolve()
      },
    }),
  })
  return { sink, all }
}

export interface RescaleWorld {
  readonly job: JobDefinition
  readonly items: ControlledSource<Item>
  readonly rules: ControlledSource<Rule>
  readonly lines: Lines
  readonly clock: Clock & { jump(): void }
  /** What the functions of the job have seen, restarts included. */
  readonly seen: { items: number; clockTimers: number }
}

export function rescaleWorld(): RescaleWorld {
  const items = controlledSource<Item>(SPLITS)
  const rules = controlledSource<Rule>(2)
  const lines = linesWithStates()
  const seen = { items: 0, clockTimers: 0 }
  let offset = 0
  const clock = { ...systemClock, now: () => systemClock.now() + offset, jump: () => void (offset = 7_200_000) }
  const kept = outputTag<string>('kept')
  const marks = outputTag<string>('marks')

  const job = defineJob({
    name: 'rescaled',
    build(env) {
      const stream = env.fromSource(items.source, {
        uid: 'items',
        watermarks: boundedOutOfOrderness(0, ({ time }: Item) => time),
      })
      const ruleStream = env.fromSource(rules.source, {
        uid: 'rules',
        watermarks: boundedOutOfOrderness(0, ({ time }: Rule) => time),
      })

      const listed = stream.process(
        {
          state: { kept: list<{ id: bigint; at: Date; text: string }>(), marks: unionList<number>() },
          open({ state, subtask, parallelism }) {
            // Everybody gets all: each takes what is its own.
            state.marks.update(state.marks.get().filter((id) => id % parallelism === subtask))
          },
          onElement(item, ctx) {
            seen.items++
            const { id, time } = item
            if (id % 3 === 0) ctx.state.kept.add({ id: BigInt(id), at: new Date(time), text: 'x'.repeat(200) })
            if (id % 5 === 0) ctx.state.marks.add(id)
            ctx.emit(item)
          },
          finish(ctx) {
            for (const { id, at } of ctx.state.kept.get()) ctx.output(kept, `${id} ${at.getTime()}`)
            for (const id of ctx.state.marks.get()) ctx.output(marks, `${id}`)
            // Where only some subtasks have finished, the others' parallelism may still change: what is left here is dealt out again.
            ctx.state.kept.clear()
            ctx.state.marks.clear()
          },
        },
        { uid: 'listed' },
      )
      listed.sideOutput(kept).sinkTo(lines.sink('kept'), { uid: 'kept' })
      listed.sideOutput(marks).sinkTo(lines.sink('marks'), { uid: 'marks' })
      const byKey = listed.keyBy(({ key }) => key)

      byKey
        .process<string, KeyedStates>(
          {
            state: keyedStates(),
            onElement({ id, time }, { state, timers }) {
              state.n.update((state.n.value() ?? 0) + 1)
              state.ids.add(id)
              state.byRest.set(id % 4, (state.byRest.get(id % 4) ?? 0) + 1)
              state.sum.add(id)
              state.most.add(id)
              timers.registerEventTimer(Math.floor(time / WINDOW) * WINDOW + WINDOW)
              timers.registerEventTimer(END)
              timers.registerProcessingTimer(LATER + (id % 3))
            },
            onTimer(time, ctx) {
              const { state, key, timeDomain } = ctx
              if (timeDomain === 'processing') {
                // A record that comes once the clock has jumped sets a timer again that has fired.
                if (state.fired.has(time)) return
                state.fired.set(time, true)
                seen.clockTimers++
                ctx.emit(`${key} at ${time - LATER} by the clock`)
              } else if (time < END) ctx.emit(`${key} at ${time}`)
              else {
                const ids = [...state.ids.get()].sort((a, b) => a - b).join()
                const rests = [...state.byRest.entries()].sort(([a], [b]) => a - b).join(' ')
                ctx.emit(`${key}: ${state.n.value()} ${state.sum.get()} ${state.most.get()} [${ids}] ${rests}`)
              }
            },
          },
          { uid: 'keyed' },
        )
        .sinkTo(lines.sink('keyed'), { uid: 'keyed-out' })

      byKey
        .window(tumbling('100ms'))
        .aggregate(count(), (key, { start }, n) => `${key} ${start}: ${n}`)
        .uid('windows')
        .sinkTo(lines.sink('windows'), { uid: 'windows-out' })

      const broadcast = ruleStream.broadcast({ rules: map<number, string>() })
      byKey
        .connect(broadcast)
        .process<string, { n: ReturnType<typeof value<number>> }>(
          {
            state: { n: value<number>() },
            onElement: (_item, { state, timers }) => {
              state.n.update((state.n.value() ?? 0) + 1)
              timers.registerEventTimer(END)
            },
            onBroadcast: applyRule,
            onTimer: (_time, ctx) => ctx.emit(`${ctx.key} ${ctx.state.n.value()} ${shown(ctx.broadcast.rules)}`),
          },
          { uid: 'keyed-rules' },
        )
        .sinkTo(lines.sink('keyed-rules'), { uid: 'keyed-rules-out' })

      listed
        .connect(broadcast)
        .process<string>(
          {
            onElement: () => undefined,
            onBroadcast: applyRule,
            finish: (ctx) => ctx.emit(shown(ctx.broadcast.rules)),
          },
          { uid: 'rules-everywhere' },
        )
        .sinkTo(lines.sink('rules'), { uid: 'rules-out' })
    },
  })
  return { job, items, rules, lines, clock, seen }
}

function keyedStates() {
  return {
    n: value<number>(),
    fired: map<number, true>(),
    ids: list<number>(),
    byRest: map<number, number>(),
    sum: reducing<number>((a, b) => a + b),
    most: aggregating<number, number, number>({ create: () => -1, add: (a, b) => Math.max(a, b), result: (a) => a }),
  }
}
type KeyedStates = ReturnType<typeof keyedStates>

function applyRule(
  { id, text }: Rule,
  {
    broadcast: { rules },
  }: { readonly broadcast: { readonly rules: { set(k: number, v: string): void; delete(k: number): void } } },
): void {
  if (text === undefined) rules.delete(id)
  else rules.set(id, text)
}

function shown(rules: { entries(): Iterable<[number, string]> }): string {
  return [...rules.entries()]
    .sort(([a], [b]) => a - b)
    .map(([id, text]) => `${id}=${text.length}`)
    .join()
}

/** Items `from` to `to`, and to which split each goes. */
export function itemsBetween(from: number, to: number): Item[] {
  return Array.from({ length: to - from }, (_, i) => {
    const id = from + i
    return { id, key: `key-${(id * 7919) % KEYS}`, time: id * 3 }
  })
}

/** Rule `n` of a sequence: each changes one of 12, all of them long; some go. One rule's changes are in one split, in order. */
export function ruleAt(n: number): Rule {
  const id = n % 12
  return { id, time: n * 20, text: n % 7 === 6 ? undefined : 'r'.repeat(600 + n) }
}

/** What must be written, sorted; by plain loops. */
export function expectedLines(items: readonly Item[], rules: readonly Rule[], lastParallelism: number): string[] {
  const lines: string[] = []
  const left = new Map<number, string>()
  for (const { id, text } of rules) {
    if (text === undefined) left.delete(id)
    else left.set(id, text)
  }
  const rulesShown = shown(left)
  for (let i = 0; i < lastParallelism; i++) lines.push(`rules ${rulesShown}`)
  for (const { id, time } of items) {
    if (id % 3 === 0) lines.push(`kept ${id} ${time}`)
    if (id % 5 === 0) lines.push(`marks ${id}`)
  }
  for (const key of new Set(items.map((item) => item.key))) {
    const mine = items.filter((item) => item.key === key)
    const ids = mine.map(({ id }) => id).sort((a, b) => a - b)
    const rests = [0, 1, 2, 3].map((rest) => [rest, ids.filter((id) => id % 4 === rest).length] as const)
    const shownRests = rests.filter(([, n]) => n > 0).join(' ')
    const sum = ids.reduce((a, b) => a + b, 0)
    lines.push(`keyed ${key}: ${ids.length} ${sum} ${Math.max(...ids)} [${ids.join()}] ${shownRests}`)
    lines.push(`keyed-rules ${key} ${ids.length} ${rulesShown}`)
    for (const rest of new Set(ids.map((id) => id % 3))) lines.push(`keyed ${key} at ${rest} by the clock`)
    for (const start of new Set(mine.map(({ time }) => Math.floor(time / WINDOW) * WINDOW))) {
      const n = mine.filter(({ time }) => Math.floor(time / WINDOW) * WINDOW === start).length
      lines.push(`windows ${key} ${start}: ${n}`, `keyed ${key} at ${start + WINDOW}`)
    }
  }
  return lines.sort()
}
