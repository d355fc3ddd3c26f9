import type { SinkSurroundings } from './outputs.js'
import type { SplitLimits } from './counted-source.js'
import type { SimRandom } from './random.js'

/** What one thread of a simulated process puts around a job's parts. */
export interface JobSurroundings extends SinkSurroundings {
  readonly random: SimRandom
  /** Records that one poll hands over at most. */
  readonly mostPerPoll: number
  readonly limitOf: SplitLimits
  /** Called for each record that an operator takes: throws to fail it. */
  readonly functionMayFail: () => void
  readonly violate: (what: string) => void
}
