import type { MetricDatum } from '@aws-sdk/client-cloudwatch'
import { seriesId } from './series.js'

/** Of one PutMetricData call. */
const MAX_DATA = 1000
/** A call may have a million bytes; some are left for its envelope. */
const MAX_BYTES = 900_000

/** Data points in calls within CloudWatch's limits; two of one series never in the same call, which may hold 150 values of each. */
export function toBatches(data: readonly MetricDatum[]): MetricDatum[][] {
  const batches: { data: MetricDatum[]; bytes: number; ids: Set<string> }[] = []
  for (const datum of data) {
    const bytes = Buffer.byteLength(JSON.stringify(datum)) + 1
    const id = idOf(datum)
    let batch = batches.find((b) => b.data.length < MAX_DATA && b.bytes + bytes <= MAX_BYTES && !b.ids.has(id))
    if (batch === undefined) batches.push((batch = { data: [], bytes: 0, ids: new Set() }))
    batch.data.push(datum)
    batch.bytes += bytes
    batch.ids.add(id)
  }
  return batches.map((batch) => batch.data)
}

function idOf({ MetricName, Dimensions = [] }: MetricDatum): string {
  return seriesId({ name: MetricName!, dimensions: Dimensions.map(({ Name, Value }) => [Name!, Value!]) })
}
