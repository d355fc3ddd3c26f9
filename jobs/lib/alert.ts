/** A turbine that ran too fast in a window of event time, epoch milliseconds. */
export interface Alert {
  readonly turbineID: string
  /** A whole number of any size. */
  readonly avgSpeed: bigint
  readonly windowStart: number
  readonly windowEnd: number
}

/** The alert as JSON. Written by hand for its speed: `JSON.stringify` refuses bigints, a number would lose digits beyond 2^53. */
export function alertLine({ turbineID, avgSpeed, windowStart, windowEnd }: Alert): string {
  const id = JSON.stringify(turbineID)
  return `{"turbineID":${id},"avgSpeed":${avgSpeed},"windowStart":${windowStart},"windowEnd":${windowEnd}}`
}
