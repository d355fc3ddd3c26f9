import type { SerializedError } from '../../contract/errors.js'
import type { SeedResult, SimulationOptions } from './simulate.js'

/** What a simulating thread is started with: every `of`-th of the seeds, beginning with the `number`-th. */
export interface SimulatorTask {
  readonly bundleUrl: string
  readonly options: SimulationOptions
  readonly firstSeed: number
  readonly seeds: number
  readonly step: { readonly number: number; readonly of: number }
}

/** What it tells. */
export type FromSimulator =
  | { readonly type: 'ready'; readonly notes: readonly string[]; readonly steps: number; readonly records: number }
  | { readonly type: 'seed'; readonly result: SeedResult }
  | { readonly type: 'failed'; readonly error: SerializedError }
