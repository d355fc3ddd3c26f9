/** An edge as a checkpoint names it, beside the operator it goes into: node ids change when a job does, uids do not. */
export interface EdgeName {
  /** The uid of the operator that sends. */
  readonly from: string
  readonly tag?: string
  readonly input: 0 | 1
  readonly partitioning: 'hash' | 'rebalance'
}
