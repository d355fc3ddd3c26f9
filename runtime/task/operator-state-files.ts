import { corrupt } from '../checkpoint/manifest-codec.js'
import type { OperatorStatePart } from '../checkpoint/manifest.js'
import { segmentPath } from '../checkpoint/segment-path.js'
import { crc32 } from '../codec/crc32.js'
import { VALUE_CODEC } from '../codec/value-codec.js'
import { ValueReader } from '../codec/value-reader.js'
import { MillraceError } from '../contract/errors.js'
import type { OperatorNode } from '../contract/graph.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { OperatorStateRestore, SlotAssignment } from '../worker/protocol.js'
import { OperatorState } from '../state/operator-state.js'
import { OperatorStateSnapshots, type PartStore } from './operator-state-run.js'

/** Up to so many bytes a part stands in the manifest itself: small files cost more than they hold. */
const INLINE_BYTES = 4096

/** Where a slot's operator state is kept between two attempts. Slot thread. */
export class OperatorStateFiles {
  readonly #storage: CheckpointStorage
  readonly #assignment: SlotAssignment

  constructor(storage: CheckpointStorage, assignment: SlotAssignment) {
    this.#storage = storage
    this.#assignment = assignment
  }

  /** The operator state of a subtask, restored; undefined if the operator declares none. MILLRACE_CORRUPT for what is not as it was written. */
  async open(
    { uid, operatorStates = [] }: Pick<OperatorNode, 'uid' | 'operatorStates'>,
    restore: Readonly<Record<string, OperatorStateRestore>>,
  ): Promise<{ readonly state: OperatorState; readonly snapshots: OperatorStateSnapshots } | undefined> {
    if (operatorStates.length === 0) return undefined
    const state = new OperatorState(uid, operatorStates, await this.#load(uid, restore))
    return { state, snapshots: new OperatorStateSnapshots(uid, this.#assignment.slot, state, this.#store(uid)) }
  }

  #store(uid: string): PartStore {
    const { epoch, attempt, slot } = this.#assignment
    return async (checkpointId, index, bytes) => {
      if (bytes.length <= INLINE_BYTES) return { content: Buffer.from(bytes).toString('base64') }
      const path = segmentPath({ epoch, checkpointId, uid, subtask: slot, run: `a${attempt}.o${index}`, part: 0 })
      await this.#storage.write(path, bytes)
      return { path }
    }
  }

  /** The elements that a subtask starts from, by name. */
  async #load(uid: string, restore: Readonly<Record<string, OperatorStateRestore>>): Promise<Map<string, unknown[]>> {
    const states = Object.entries(restore).map(async ([name, { codec, version, shares }]) => {
      if (codec !== VALUE_CODEC.id || version > VALUE_CODEC.version) throw unknownCodec(uid, name, codec, version)
      const lists = await Promise.all(
        shares.map(async ({ part, from, to }) => readElements(await this.#read(part, uid), part.elements, from, to)),
      )
      return [name, lists.flat()] as const
    })
    return new Map(await Promise.all(states))
  }

  async #read({ content, path, bytes, crc }: OperatorStatePart, uid: string): Promise<Uint8Array> {
    if (path === undefined) return Buffer.from(content!, 'base64')
    const read = await this.#storage.readIfExists(path)
    if (read === undefined || read.length !== bytes || crc32(read) !== crc) {
      throw corrupt(`${this.#storage.describe()}/${path} (state of operator "${uid}")`)
    }
    return read
  }
}

/** Elements `from` to `to` (exclusive) of a part with `count` of them. */
export function readElements(bytes: Uint8Array, count: number, from: number, to: number): unknown[] {
  const reader = new ValueReader()
  reader.setSource(bytes)
  const elements: unknown[] = []
  for (let i = 0; i < Math.min(to, count); i++) {
    const element = reader.readValue()
    if (i >= from) elements.push(element)
  }
  return elements
}

function unknownCodec(uid: string, name: string, codec: string, version: number): MillraceError {
  return new MillraceError(
    'MILLRACE_RESTORE',
    `state '${name}' of operator '${uid}' was written by a newer version of Millrace (${codec}/${version})`,
    { hint: 'use the newer version' },
  )
}
