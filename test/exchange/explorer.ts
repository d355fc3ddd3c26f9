/*
 * Runs two threads through all their interleavings, step by step, each reached state once. Fails on an exception in a
 * thread, on a state where nobody can go on (a lost wake-up), and on a state from which the end cannot be reached.
 */
import { createHash } from 'node:crypto'
import { allocateFrameBytes, FrameBytes } from '../../runtime/exchange/frame-bytes.js'
import { cloneShared, ModelMemory, type Shared, SUSPENDED } from './model-memory.js'

/** A thread: its private state, and how it makes its next operation. */
export interface Program<L extends object> {
  readonly locals: L
  readonly memory: ModelMemory
  readonly next: (locals: L) => void
  readonly isDone: (locals: L) => boolean
}

interface ThreadState {
  readonly locals: object
  readonly log: readonly number[]
  readonly text: string
  /** Within an operation: fields and next access. */
  readonly inside: string
}

interface State {
  readonly id: number
  readonly shared: Shared
  readonly threads: readonly ThreadState[]
}

/**
 * How many states were reached. Throws on the first fault. A thread inside an operation is known by the results of its
 * accesses so far; with `merged`, by its fields and the access that comes next. That is enough where the variables on the
 * production code's stack follow from these two, as they do in the ring, and makes long operations affordable.
 */
export function explore(
  shared: Shared,
  programs: readonly Program<never>[],
  merged: boolean,
): { states: number; ends: number } {
  const known = new Map<string, number>()
  const before: number[][] = []
  const ends: number[] = []
  const stack: State[] = []
  const enter = (next: Shared, threads: readonly ThreadState[], from: number): void => {
    const text = JSON.stringify([next, threads.map((thread) => [thread.text, merged ? thread.inside : thread.log])])
    const key = createHash('sha1').update(text).digest('base64')
    const id = known.get(key)
    if (id !== undefined) return void before[id]!.push(from)
    const fresh = known.size
    known.set(key, fresh)
    before[fresh] = from < 0 ? [] : [from]
    stack.push({ id: fresh, shared: next, threads })
  }
  const first = programs.map((program) => threadState(program.locals))
  enter(shared, first, -1)
  for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
    let enabled = 0
    let done = 0
    for (let t = 0; t < programs.length; t++) {
      const program = programs[t]!
      if (program.isDone(state.threads[t]!.locals as never)) done++
      else if (!state.shared.asleep[t]) {
        enabled++
        const next = cloneShared(state.shared)
        const thread = makeStep(program, state.threads[t]!, next)
        enter(next, state.threads.with(t, thread), state.id)
      }
    }
    if (done === programs.length) ends.push(state.id)
    else if (enabled === 0) throw new Error(`a lost wake-up: ${state.threads.map((thread) => thread.text).join(' | ')}`)
  }
  const live = new Set(ends)
  const work = [...ends]
  for (let id = work.pop(); id !== undefined; id = work.pop()) {
    for (const earlier of before[id]!) {
      if (!live.has(earlier)) {
        live.add(earlier)
        work.push(earlier)
      }
    }
  }
  if (live.size !== known.size) throw new Error(`${known.size - live.size} states never come to an end`)
  return { states: known.size, ends: ends.length }
}

function makeStep(program: Program<never>, thread: ThreadState, shared: Shared): ThreadState {
  const locals = cloneLocals(thread.locals, new Map()) as object
  const log = [...thread.log]
  program.memory.begin(shared, log)
  try {
    program.next(locals as never)
  } catch (error) {
    if (error !== SUSPENDED) throw error
  }
  // An async function turns the suspension into a rejection, so the flag counts, not the exception.
  if (!program.memory.suspended) return threadState(locals)
  return { ...thread, log, inside: `${textOf(locals)} ${program.memory.nextAccess}` }
}

function threadState(locals: object): ThreadState {
  return { locals, log: [], text: textOf(locals), inside: '' }
}

function textOf(locals: object): string {
  return JSON.stringify(locals, withoutMemory)
}

function withoutMemory(this: unknown, _key: string, value: unknown): unknown {
  if (value instanceof ModelMemory) return undefined
  if (value instanceof FrameBytes) return value.bytes.toString('hex')
  return value
}

function cloneLocals(value: unknown, done: Map<object, object>): unknown {
  if (typeof value !== 'object' || value === null || value instanceof ModelMemory) return value
  const known = done.get(value)
  if (known !== undefined) return known
  if (value instanceof FrameBytes) {
    const copy = allocateFrameBytes(value.bytes.length)
    copy.bytes.set(value.bytes)
    done.set(value, copy)
    return copy
  }
  const copy = (Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value))) as Record<string, unknown>
  done.set(value, copy)
  for (const [key, field] of Object.entries(value)) copy[key] = cloneLocals(field, done)
  return copy
}
