import { MemorySpillStore } from '../../state/memory-spill-store.js'
import type { SpillStore } from '../../state/spill-store.js'
import type { SlotSpill } from '../../task/backend-factory.js'
import type { Faults } from './faults.js'
import type { SimIo } from './sim-io.js'

/** A slot's spilled state: in memory, but it takes its time. */
export function simSpill(io: SimIo, faults: Faults): SlotSpill {
  return { region: () => new SimSpillStore(io, faults), close: () => Promise.resolve() }
}

class SimSpillStore implements SpillStore {
  private readonly inner = new MemorySpillStore()
  private readonly io: SimIo
  private readonly faults: Faults

  constructor(io: SimIo, faults: Faults) {
    this.io = io
    this.faults = faults
  }

  write(keys: readonly Uint8Array[], values: readonly (Uint8Array | null)[]): Promise<void> {
    return this.io.run('spill write', () => {
      this.faults.spillMayFail()
      return this.inner.write(keys, values)
    })
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.io.run('spill read', () => this.inner.getMany(keys))
  }

  getSync(key: Uint8Array): Uint8Array | undefined {
    return this.inner.getSync(key)
  }

  range(from: Uint8Array, to: Uint8Array, limit: number): Promise<[Uint8Array, Uint8Array][]> {
    return this.io.run('spill range', () => this.inner.range(from, to, limit))
  }
}
