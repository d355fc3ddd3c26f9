import type { HolderContext } from '../../runtime/checkpoint/holder.js'
import type { ProcessIdentity } from '../../runtime/checkpoint/manifest.js'
import type { ProcessFacts, ProcessState } from '../../runtime/checkpoint/process-facts.js'
import type { CheckpointStorage } from '../../runtime/storage/storage.js'
import { VirtualClock } from './virtual-clock.js'

/** A host with a process table, and storage that hosts share. Each process has a clock of its own. */
export class Host {
  readonly table = new Map<number, ProcessState>()
  readonly #host: string
  readonly #bootId: string | null

  constructor(host: string, bootId: string | null = 'boot-1') {
    this.#host = host
    this.#bootId = bootId
  }

  process(
    storage: CheckpointStorage,
    pid: number,
    startTicks: number | null,
    clock = new VirtualClock(),
  ): HolderContext {
    this.table.set(pid, { alive: true, startTicks })
    const self: ProcessIdentity = { host: this.#host, bootId: this.#bootId, pid, startTicks }
    const processes: ProcessFacts = {
      self: () => self,
      stateOf: (other) => this.table.get(other) ?? { alive: false, startTicks: null },
    }
    return { storage, jobId: 'job', nonce: `${this.#host}-${this.#bootId}-${pid}-${startTicks}`, clock, processes }
  }
}
