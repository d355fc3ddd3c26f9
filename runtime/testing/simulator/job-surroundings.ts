import type { SinkSurroundings } from './outputs.js'
import type { SimRandom } from './random.js'

/** What one thread of a simulated process puts around a job's parts. */
export interface JobSurroundings extends SinkSurroundings {
  readonly random: SimRandom
  /** Records that one poll hands over at most. */
  readonly mostPerPoll: number
  /** Records of each split that are read; undefined: all. */
  readonly recordsPerSplit: number | undefined
  /** Called for each record that an operator takes: throws to fail it. */
  readonly functionMayFail: () => void
  readonly violate: (what: string) => void
  readonly checkWatermarks: boolean
}
