import type { Key } from '../../runtime/contract/key.js'
import type { Port } from './transformation.js'

/** The ports, partitioned by key. */
export function hashed<T>(ports: readonly Port[], keyOf: (value: T) => Key): readonly Port[] {
  return ports.map((port) => ({ ...port, partitioning: { kind: 'hash', keyOf } }))
}
