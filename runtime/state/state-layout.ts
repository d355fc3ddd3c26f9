import { VALUE_CODEC } from '../codec/value-codec.js'
import { MillraceError } from '../contract/errors.js'
import type { StateDescriptor, StateKind, StateSchema } from '../contract/state.js'

/** A declared state: `index` is its column in memory, `ordinal` its number in rows. */
export interface StateColumn {
  readonly index: number
  readonly ordinal: number
  readonly name: string
  readonly kind: StateKind
  /** Infinity when values live for ever. */
  readonly ttlMs: number
  /** Whether the write time stands in the page's column (lists and maps keep one per element). */
  readonly stamped: boolean
  readonly descriptor: StateDescriptor
}

/**
 * Which states an operator has, and which number each has in rows. States keep the number of the checkpoint they were restored from;
 * new ones get the next. Throws MILLRACE_RESTORE for a restored state of another kind, fingerprint or codec, and, unless
 * `allowNonRestoredState`, for one that is no longer declared; MILLRACE_GRAPH for a declaration that makes no sense.
 */
export class StateLayout {
  readonly columns: readonly StateColumn[]
  readonly #uid: string
  readonly #schema: StateSchema[] = []
  readonly #columnOf: (StateColumn | undefined)[] = []

  constructor(
    uid: string,
    states: readonly StateDescriptor[],
    restored: readonly StateSchema[],
    allowNonRestoredState: boolean,
  ) {
    this.#uid = uid
    const names = new Set<string>()
    for (const state of states) {
      checkDeclaration(uid, state)
      if (names.has(state.name))
        throw new MillraceError('MILLRACE_GRAPH', `operator '${uid}' declares state '${state.name}' twice`)
      names.add(state.name)
    }
    for (const schema of restored) {
      const claimed = !schema.dropped && names.has(schema.name)
      if (!claimed && !schema.dropped && !allowNonRestoredState) throw unclaimed(uid, schema)
      this.#schema.push(claimed || schema.dropped ? schema : { ...schema, dropped: true })
    }
    this.columns = states.map((state, index) => this.#column(state, index))
  }

  /** For the manifest, and for `restoredSchema` of a later run. */
  schema(): readonly StateSchema[] {
    return this.#schema
  }

  /** The column of a number found in a row; undefined when the state was dropped. MILLRACE_CORRUPT when there never was one. */
  columnOf(ordinal: number): StateColumn | undefined {
    if (ordinal >= this.#schema.length) {
      throw new MillraceError(
        'MILLRACE_CORRUPT',
        `a row of operator '${this.#uid}' holds state number ${ordinal}, which does not exist`,
      )
    }
    return this.#columnOf[ordinal]
  }

  /** The kind of a number found in a row. */
  kindOf(ordinal: number): StateKind {
    return this.#schema[ordinal]!.kind
  }

  /** The declared state of that name and kind; MILLRACE_GRAPH when there is none. */
  find(name: string, kind: StateKind): StateColumn {
    const column = this.columns.find((candidate) => candidate.name === name)
    if (column === undefined) {
      throw new MillraceError('MILLRACE_GRAPH', `operator '${this.#uid}' declares no state '${name}'`, {
        hint: `declare it in the operator's states; declared: ${this.columns.map((each) => each.name).join(', ') || 'none'}`,
      })
    }
    if (column.kind !== kind) {
      throw new MillraceError(
        'MILLRACE_GRAPH',
        `state '${name}' of operator '${this.#uid}' is declared as ${column.kind}, not as ${kind}`,
      )
    }
    return column
  }

  #column(descriptor: StateDescriptor, index: number): StateColumn {
    const { name, kind, fingerprint, ttlMs = Infinity } = descriptor
    let ordinal = this.#schema.findIndex((schema) => schema.name === name && !schema.dropped)
    if (ordinal < 0) ordinal = this.#schema.length
    else this.#check(this.#schema[ordinal]!, descriptor)
    this.#schema[ordinal] = { name, kind, codec: VALUE_CODEC.id, version: VALUE_CODEC.version, fingerprint }
    const stamped = ttlMs !== Infinity && kind !== 'list' && kind !== 'map'
    const column: StateColumn = { index, ordinal, name, kind, ttlMs, stamped, descriptor }
    this.#columnOf[ordinal] = column
    return column
  }

  #check(stored: StateSchema, declared: StateDescriptor): void {
    const differ = (what: string, theirs: unknown, ours: unknown): MillraceError =>
      new MillraceError(
        'MILLRACE_RESTORE',
        `state '${declared.name}' of operator '${this.#uid}': the checkpoint holds ${what} '${String(theirs)}', the job declares '${String(ours)}'`,
        { hint: 'give the changed state another name, or start without the checkpoint' },
      )
    if (stored.kind !== declared.kind) throw differ('kind', stored.kind, declared.kind)
    if (stored.fingerprint !== declared.fingerprint)
      throw differ('fingerprint', stored.fingerprint, declared.fingerprint)
    if (stored.codec !== VALUE_CODEC.id) throw differ('codec', stored.codec, VALUE_CODEC.id)
    if (stored.version > VALUE_CODEC.version) throw differ('codec version', stored.version, VALUE_CODEC.version)
  }
}

function checkDeclaration(uid: string, state: StateDescriptor): void {
  const where = `state '${state.name}' of operator '${uid}'`
  if (state.kind === 'reducing' && state.reduce === undefined) {
    throw new MillraceError('MILLRACE_GRAPH', `${where} is reducing and has no reduce function`)
  }
  if (state.kind === 'aggregating' && state.aggregator === undefined) {
    throw new MillraceError('MILLRACE_GRAPH', `${where} is aggregating and has no aggregator`)
  }
  if (state.ttlMs === undefined) return
  if (state.kind === 'panes')
    throw new MillraceError('MILLRACE_GRAPH', `${where}: panes have no time to live, windows clean them up`)
  if (!(state.ttlMs > 0))
    throw new MillraceError('MILLRACE_GRAPH', `${where}: a time to live of ${state.ttlMs} ms is not above zero`)
}

function unclaimed(uid: string, schema: StateSchema): MillraceError {
  const message = `the checkpoint holds state '${schema.name}' (${schema.kind}) of operator '${uid}', which the job no longer declares`
  return new MillraceError('MILLRACE_RESTORE', message, {
    hint: 'declare it again, or pass --allow-non-restored-state to drop it',
  })
}
