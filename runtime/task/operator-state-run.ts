/**
 * Invariant: the barrier costs nothing but a mark on each state; elements are encoded here in slices between batches. What has not been
 * written since it was last stored is named again, not written again.
 *
 *   frozen elements --slice--slice--> bytes --> manifest (small) | file (storage) --> ack
 */
import type { OperatorStatePart } from '../checkpoint/manifest.js'
import { crc32 } from '../codec/crc32.js'
import { VALUE_CODEC } from '../codec/value-codec.js'
import { ValueWriter } from '../codec/value-writer.js'
import { MillraceError } from '../contract/errors.js'
import type { OperatorStateDescriptor } from '../contract/state.js'
import type { OperatorState } from '../state/operator-state.js'
import type { OperatorStateCell } from '../state/operator-state-cell.js'
import type { OperatorStateShare } from '../worker/protocol.js'

/** Where the bytes of a part go: into the manifest or into a file of their own. `index` is the state's among its operator's. */
export type PartStore = (
  checkpointId: number,
  index: number,
  bytes: Uint8Array,
) => Promise<Pick<OperatorStatePart, 'content' | 'path'>>

interface Frozen {
  readonly index: number
  readonly descriptor: OperatorStateDescriptor
  readonly changes: number
  readonly size: number
  readonly elements: Iterator<unknown>
  readonly writer: ValueWriter
}

type Shares = Record<string, OperatorStateShare>

/** Takes the operator state of one subtask for checkpoints. Slot thread. */
export class OperatorStateSnapshots {
  readonly #uid: string
  readonly #subtask: number
  readonly #state: OperatorState
  readonly #store: PartStore
  /** By name, what was stored last, and of which write. */
  readonly #stored = new Map<string, { readonly changes: number; readonly part: OperatorStatePart | undefined }>()

  constructor(uid: string, subtask: number, state: OperatorState, store: PartStore) {
    this.#uid = uid
    this.#subtask = subtask
    this.#state = state
    this.#store = store
  }

  /** The state as it is now, to be encoded later. */
  freeze(checkpointId: number): OperatorStateRun {
    const shares: Shares = {}
    const frozen: Frozen[] = []
    this.#state.cells().forEach(({ descriptor, cell }, index) => {
      const { name, mode, fingerprint } = descriptor
      const share = { mode, fingerprint, codec: VALUE_CODEC.id, version: VALUE_CODEC.version }
      shares[name] = share
      // All subtasks have the same.
      if (mode === 'broadcast' && this.#subtask !== 0) return
      const stored = this.#stored.get(name)
      if (stored?.changes === cell.changes) shares[name] = withPart(share, stored.part)
      else frozen.push(freeze(index, descriptor, cell))
    })
    return new OperatorStateRun(this.#uid, shares, frozen, async ({ descriptor, index, changes, size, writer }) => {
      const bytes = writer.take()
      const place = size === 0 ? undefined : await this.#store(checkpointId, index, bytes)
      const about = { subtask: this.#subtask, elements: size, bytes: bytes.length, crc: crc32(bytes) }
      const part = place === undefined ? undefined : { ...about, ...place }
      this.#stored.set(descriptor.name, { changes, part })
      return part
    })
  }
}

/** The operator state of one subtask on its way into a checkpoint. */
export class OperatorStateRun {
  readonly #uid: string
  readonly #shares: Shares
  readonly #frozen: readonly Frozen[]
  readonly #store: (frozen: Frozen) => Promise<OperatorStatePart | undefined>
  #encoding = 0

  constructor(
    uid: string,
    shares: Shares,
    frozen: readonly Frozen[],
    store: (frozen: Frozen) => Promise<OperatorStatePart | undefined>,
  ) {
    this.#uid = uid
    this.#shares = shares
    this.#frozen = frozen
    this.#store = store
  }

  /** Encodes the next elements; true when all are. MILLRACE_VALUE for one that cannot be stored. */
  slice(maxElements: number): boolean {
    let left = maxElements
    while (this.#encoding < this.#frozen.length) {
      const { descriptor, elements, writer } = this.#frozen[this.#encoding]!
      const next = elements.next()
      if (next.done === true) {
        this.#encoding++
        continue
      }
      try {
        writer.writeValue(next.value)
      } catch (error) {
        throw this.#refused(descriptor.name, error)
      }
      if (--left <= 0) return false
    }
    return true
  }

  /** Stores what was encoded: each state's share by name. */
  async finish(): Promise<Readonly<Record<string, OperatorStateShare>>> {
    const parts = await Promise.all(this.#frozen.map((frozen) => this.#store(frozen)))
    const shares = { ...this.#shares }
    this.#frozen.forEach(({ descriptor: { name } }, i) => {
      shares[name] = withPart(shares[name]!, parts[i])
    })
    return shares
  }

  #refused(name: string, error: unknown): unknown {
    if (!(error instanceof MillraceError) || error.code !== 'MILLRACE_VALUE') return error
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    return new MillraceError('MILLRACE_VALUE', `state '${name}' of operator '${this.#uid}': ${error.message}`, hint)
  }
}

function freeze(index: number, descriptor: OperatorStateDescriptor, cell: OperatorStateCell): Frozen {
  const { changes, size } = cell
  const elements = cell.freeze()[Symbol.iterator]()
  return { index, descriptor, changes, size, elements, writer: new ValueWriter() }
}

function withPart(share: OperatorStateShare, part: OperatorStatePart | undefined): OperatorStateShare {
  return part === undefined ? share : { ...share, part }
}
