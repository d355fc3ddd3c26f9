import type { KeyedBackend } from '../state/keyed-backend.js'

/** A row of keyed state as a checkpoint holds it. */
export interface StateRow {
  readonly keyGroup: number
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** All rows of a subtask's state: each checkpoint writes what changed, and is put on top of those before. */
export class StateRows {
  private readonly rows = new Map<string, StateRow>()

  constructor(restored: readonly StateRow[]) {
    for (const row of restored) this.rows.set(nameOf(row.keyGroup, row.key), row)
  }

  /** Adds what the backend froze last. */
  async take(backend: KeyedBackend): Promise<void> {
    await backend.writeRows({
      add: (keyGroup, keys, keyFrom, keyTo, values, valueFrom, valueTo) => {
        const [key, value] = [copy(keys, keyFrom, keyTo), copy(values, valueFrom, valueTo)]
        this.rows.set(nameOf(keyGroup, key), { keyGroup, key, value })
      },
      addTombstone: (keyGroup, keys, keyFrom, keyTo) => {
        this.rows.delete(nameOf(keyGroup, copy(keys, keyFrom, keyTo)))
      },
    })
  }

  all(): StateRow[] {
    return [...this.rows.values()]
  }
}

/** The range is valid during the call only, and `slice` of a Buffer shares it. */
function copy(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to))
}

function nameOf(keyGroup: number, key: Uint8Array): string {
  return `${keyGroup} ${Buffer.from(key).toString('latin1')}`
}
